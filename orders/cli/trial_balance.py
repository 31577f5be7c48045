"""Shows where the money is: the ledger's accounts, and what the payment provider says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from lambdas.domain.money import format_minor

if TYPE_CHECKING:
    from orders.cli.console import Output
    from orders.local.books import Books


def print_trial_balance(books: Books, currency: str, output: Output) -> None:
    """Print the trial balance, and the provider's sums of one currency beside it."""
    table = Table(box=None, pad_edge=False, title="Trial balance", title_justify="left", show_footer=True)
    debit = format_minor(sum(b.debit for b in books.balances), currency)
    credit = format_minor(sum(b.credit for b in books.balances), currency)
    table.add_column("ACCOUNT", footer="Sum")
    table.add_column("CURRENCY")
    table.add_column("DEBIT", justify="right", footer=debit)
    table.add_column("CREDIT", justify="right", footer=credit)
    for balance in books.balances:
        amounts = (format_minor(v, balance.currency) if v else "" for v in (balance.debit, balance.credit))
        table.add_row(balance.account, balance.currency, *amounts)
    output.data.print(table)
    output.data.print(f"{books.entries:,} entries (an order of total zero books nothing)")
    verdict = "[green]the same[/]" if books.balanced else "[bold red]NOT the same[/]"
    output.data.print(f"{_at_provider(books, currency)} {currency}, {verdict} as the receivable")


def _at_provider(books: Books, currency: str) -> str:
    captured = format_minor(books.captured_at_provider.get(currency, 0), currency)
    refunded = books.refunded_at_provider.get(currency, 0)
    if not refunded:
        return f"captured at the provider: {captured}"
    net = format_minor(books.net_at_provider(currency), currency)
    return f"at the provider: {captured} captured - {format_minor(refunded, currency)} refunded = {net}"
