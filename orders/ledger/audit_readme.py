"""The letter to the auditor: what is in the pack, how to verify it, and what it does not prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.money import format_minor

if TYPE_CHECKING:
    from orders.ledger.audit_pack import Pack

_FILES: Final = """\
| file | what it is |
| --- | --- |
| `journal.jsonl` | every entry of the month, one a line, by the time of booking: the bytes that are sealed |
| `gl_detail.csv` | the same, a line for each posting, as the AICPA's Audit Data Standards name it |
| `trial_balance.csv` | every account's beginning, debits, credits and end (`Trial_Balance`) |
| `chart_of_accounts.csv` | the accounts (`Chart_Of_Accounts`) |
| `statements/` | each account's postings with a running balance |
| `journal.beancount`, `journal.journal` | the journal for Beancount and hledger, every balance asserted |
| `exceptions.csv` | what our own checks found, one line each; a header alone when they found nothing |
| `proofs/` | signed checkpoints, proofs and public key, and the verifier `verify.py` |
| `SHA256SUMS` | the digest of each of these files |

Amounts are exact decimals in the currency's own number of digits. Times and dates are UTC; the fiscal
year is the calendar's. In `gl_detail.csv` (`GL_Detail`) amounts are positive and
`Amount_Credit_Debit_Indicator` says `D` or `C`; everywhere else a debit is positive and a credit negative.
`Journal_ID` is `ent_<order>_<number>`: the order is `ord_<order>`, and its entries are numbered from 1
without a gap. `JE_Line_Description` begins with the payment provider's own id of the movement.
`Reversal_Indicator` is 1 where an entry names the one that it reverses.
"""

_VERIFY: Final = """\
Nothing of ours is needed but this folder, and no AWS account:

```console
$ sha256sum --check --quiet SHA256SUMS
$ python3 proofs/verify.py proofs
```

The verifier is one file of Python's standard library; read it. It takes the public key from
`proofs/log/key`: hold that key against the one that you were given before, by another way. Then every line
of the journal is proven that is a line of `proofs/entries.jsonl`, which has some neighbours of the month
too. This prints those that are not, and prints nothing when all are:

```console
$ export LC_ALL=C
$ sort proofs/entries.jsonl > sealed.txt && sort journal.jsonl | comm -23 - sealed.txt
```

`bean-check journal.beancount` and `hledger -f journal.journal check --strict`, which are programs of other
people, add the journal up anew and hold it against our balances.

From a total to one payment and back: an account's line in `trial_balance.csv` is the last balance of its
statement; each of its lines names the entry; the entry's lines in `gl_detail.csv` name the order and the
provider's id; the proof of that single entry is what `orders ledger prove ENTRY` writes.
"""

_LIMITS: Final = """\
- **The seal interval is {seal} minutes, after a grace of {grace}.** Who has all rights in the account could
  change an entry in the table before it is sealed, which may be {window} minutes after it was booked.
  After that a change, a removal or an insertion shows.
- That a sale was right is not proven, only that it was booked so at that time. Sales that were never
  accepted as orders are in no place that could be compared.
- The provider's sums are by its own clock: a movement in a month's last seconds may be in the next one.
"""


def readme(pack: Pack) -> str:
    """Return the README of a pack."""
    state = "closed: it refuses bookings" if pack.closed else "not closed: entries may still come"
    exceptions = ", ".join(f"{count:,} {name}" for name, count in sorted(pack.exceptions.items()))
    return "\n".join(
        [
            f"# Audit pack of {pack.period}",
            "",
            f"Of {pack.deployment}, made at {pack.made_at}. The month is {state}.",
            "",
            f"{pack.entries:,} journal entries. {pack.orders:,} orders were held against them, both ways.",
            f"Exceptions: {exceptions or 'none'}.",
            _provider(pack),
            _proofs(pack),
            "",
            "## Trial balance",
            "",
            "| account | currency | beginning | debit | credit | end |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
            *_rows(pack),
            "",
            "## What is in it",
            "",
            _FILES,
            "## How to verify it",
            "",
            _VERIFY,
            "## What it does not prove",
            "",
            _limits(pack),
        ]
    )


def _rows(pack: Pack) -> list[str]:
    return [
        f"| {m.account} | {m.currency} | "
        + " | ".join(format_minor(v, m.currency) for v in (m.beginning, m.debit, m.credit, m.ending))
        + " |"
        for m in pack.movements
    ]


def _provider(pack: Pack) -> str:
    if pack.provider_silent:
        return f"Not compared with the payment provider: {pack.provider_silent}."
    return "Captures and refunds were compared with the sums of the provider's balance transactions."


def _proofs(pack: Pack) -> str:
    if pack.leaves is None:
        return f"Not proven: {pack.not_sealed}."
    return f"{pack.leaves:,} entries are proven, those of its neighbours in the same batches included."


def _limits(pack: Pack) -> str:
    seal, grace = pack.seal_minutes, pack.grace_minutes
    return _LIMITS.format(seal=seal, grace=grace, window=seal + grace)
