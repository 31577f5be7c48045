"""The stand-alone verifier: what it proves, and that it finds and names whatever is tampered with."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lambdas.domain.sealing import EntryKey, checkpoint_path
from orders.ledger.proofs import NotSealed, prove, write_folder
from orders.ledger.verifier.verify import leaf_hash
from tests.fakes.sealed_log import Log, a_log, booked
from tests.unit.ledger.sealed import MONTH, a_sealed_month, folder_of, reading, run_verifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def log() -> Log:
    return a_sealed_month()


@pytest.fixture
def folder(log: Log, tmp_path: Path) -> Path:
    return folder_of(log, tmp_path / "proofs")


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "entries.jsonl").read_bytes().splitlines()


def rewrite(folder: Path, lines: list[bytes]) -> None:
    (folder / "entries.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def changed(line: bytes, **fields: object) -> bytes:
    entry = {**json.loads(line), **fields}
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def test_a_month_is_proven_with_its_totals(folder: Path) -> None:
    verdict = run_verifier(folder)
    assert verdict.status == 0, verdict.said
    assert (
        "proven: 739 entries, leaves 0 to 739 of 739, 6 checkpoints by orders.example/ledger" in verdict.said
    )
    # 707 entries of October; the others are in batches that read its last minutes too, and are November's
    assert "Income:Sales                     GBP                0            70700" in verdict.said


def test_the_range_is_that_of_the_month_alone(log: Log, tmp_path: Path) -> None:
    assert write_folder(reading(log), "2026-11", tmp_path) == 34
    verdict = run_verifier(tmp_path)
    assert verdict.status == 0, verdict.said
    assert "leaves 705 to 739 of 739" in verdict.said


def test_a_month_of_which_nothing_is_sealed_has_no_proofs(log: Log, tmp_path: Path) -> None:
    with pytest.raises(NotSealed):
        write_folder(reading(log), "2026-12", tmp_path)
    with pytest.raises(NotSealed):
        write_folder(reading(a_log()), MONTH, tmp_path)


def an_amount(lines: list[bytes]) -> list[bytes]:
    postings = [["Assets:Receivable:Stripe", "GBP", 101], ["Income:Sales", "GBP", -101]]
    return [*lines[:41], changed(lines[41], postings=postings), *lines[42:]]


def one_posting(lines: list[bytes]) -> list[bytes]:
    postings = [["Assets:Receivable:Stripe", "GBP", 101], ["Income:Sales", "GBP", -100]]
    return [*lines[:41], changed(lines[41], postings=postings), *lines[42:]]


def a_deletion(lines: list[bytes]) -> list[bytes]:
    return [*lines[:41], *lines[42:]]


def the_last(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def an_insertion(lines: list[bytes]) -> list[bytes]:
    return [*lines[:41], booked(7_777, "2026-10-05T00:00:41.000Z").canonical, *lines[41:]]


def a_copy(lines: list[bytes]) -> list[bytes]:
    return [*lines[:42], *lines[41:]]


def a_swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:41], lines[42], lines[41], *lines[43:]]


def white_space(lines: list[bytes]) -> list[bytes]:
    return [*lines[:41], lines[41].replace(b",", b", ", 1), *lines[42:]]


def nonsense(lines: list[bytes]) -> list[bytes]:
    return [*lines[:41], b"{", *lines[42:]]


def entry_id(number: int) -> str:
    return booked(number, "").entry_id


ENTRY = entry_id(41)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (an_amount, f"leaf 41: {ENTRY} is not what was sealed: its content was changed"),
        (one_posting, f"{ENTRY} does not balance"),
        (a_deletion, "leaf 41 is missing, between ent_00000000000000000000000040_1 and"),
        (the_last, "leaf 738 is missing, after ent_00000000000000000000000737_1"),
        (an_insertion, "ent_00000000000000000000007777_1 (line 42) was inserted: it is not in the log"),
        (a_copy, f"leaf 41: {ENTRY} is there twice"),
        (a_swap, f"leaf 41: {ENTRY} stands behind its place"),
        (white_space, f"{ENTRY} is not written in its canonical form"),
        (nonsense, "line 42 is no entry"),
    ],
)
def test_tampering_with_entries_is_found_and_named(
    folder: Path, tamper: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    rewrite(folder, tamper(lines_of(folder)))
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert f"broken: {said}" in verdict.said


def test_only_what_was_tampered_with_is_called_broken(folder: Path) -> None:
    lines = lines_of(folder)
    rewrite(folder, [*an_amount(lines)[:100], *lines[101:200], lines[201], lines[200], *lines[202:]])
    assert run_verifier(folder).said.splitlines() == [
        f"broken: leaf 41: {ENTRY} is not what was sealed: its content was changed",
        f"broken: leaf 100 is missing, between {entry_id(99)} and {entry_id(101)}",
        f"broken: leaf 201: {entry_id(201)} stands before its place",
        f"broken: leaf 200: {entry_id(200)} stands behind its place",
    ]


def a_root(note: str) -> str:
    origin, size, _, *rest = note.split("\n")
    return "\n".join([origin, size, base64.b64encode(bytes(32)).decode(), *rest])


def a_size(note: str) -> str:
    return note.replace("\n305\n", "\n304\n")


def a_signature(note: str) -> str:
    text, _, line = note.rpartition(" ")
    raw = bytearray(base64.b64decode(line))
    raw[20] ^= 1
    return f"{text} {base64.b64encode(raw).decode()}\n"


def no_signature(note: str) -> str:
    return note.partition("\n\n")[0] + "\n"


@pytest.mark.parametrize("tamper", [a_root, a_size, a_signature, no_signature])
def test_tampering_with_a_checkpoint_is_found_and_named(folder: Path, tamper: Callable[[str], str]) -> None:
    file = folder / "log" / "checkpoints" / "305"
    file.write_text(tamper(file.read_text("utf-8")), "utf-8")
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert "broken: checkpoints/305 is not signed by orders.example/ledger" in verdict.said


def test_a_checkpoint_of_another_tree_by_the_same_key_is_found(folder: Path) -> None:
    """What the holder of the key could do: sign a second history."""
    other = a_log([booked(n, "2026-10-05T00:00:00.000Z", amount=5) for n in range(305)])
    other.seal_at("2026-10-06T00:00:00.000Z")
    forged = other.store.files[checkpoint_path(305)]
    (folder / "log" / "checkpoints" / "305").write_bytes(forged)
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert "broken: checkpoints/305: its root is not that of the tiles" in verdict.said


def test_a_whole_folder_by_another_key_is_found_with_the_right_key(tmp_path: Path, log: Log) -> None:
    forger = a_sealed_month()
    forger.signer.key = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
    for path in [path for path in forger.store.files if path.startswith("checkpoints/")]:
        text = forger.store.files[path].decode().rpartition("\n\n")[0] + "\n"
        forger.store.files[path] = forger.signer.sign(text)
    folder = folder_of(forger, tmp_path / "forged")
    assert run_verifier(folder).status == 0, "it is sound by itself"
    key = tmp_path / "key"
    key.write_text(str(log.signer.verifier_key), "utf-8")
    verdict = run_verifier(folder, str(folder), "--key", str(key))
    assert verdict.status == 1
    assert verdict.said.count("is not signed by orders.example/ledger") == 6


@pytest.mark.parametrize("tile", ["tile/0/000", "tile/0/001", "tile/0/002.p/227", "tile/1/000.p/2"])
def test_tampering_with_a_tile_is_found(folder: Path, tile: str) -> None:
    file = folder / "log" / tile
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(data)
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert "tile" in verdict.said


def test_changing_an_entry_together_with_its_leaf_hash_is_found_above(folder: Path) -> None:
    lines = an_amount(lines_of(folder))
    rewrite(folder, lines)
    file = folder / "log" / "tile/0/000"
    data = file.read_bytes()
    file.write_bytes(data[: 41 * 32] + leaf_hash(lines[41]) + data[42 * 32 :])
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert "broken: tile/0/000 is not what tile/1/000 says" in verdict.said


@pytest.mark.parametrize("gone", ["log/key", "log/manifest.json", "entries.jsonl", "log/checkpoints"])
def test_what_is_missing_cannot_be_verified(folder: Path, gone: str) -> None:
    path = folder / gone
    if path.is_dir():
        for file in path.iterdir():
            file.unlink()
        (folder / "log" / "checkpoint").unlink()
    else:
        path.unlink()
    verdict = run_verifier(folder)
    assert verdict.status == 2
    assert verdict.said.startswith("cannot verify: ")


def test_a_missing_tile_is_named(folder: Path) -> None:
    (folder / "log" / "tile" / "0" / "001").unlink()
    verdict = run_verifier(folder)
    assert verdict.status == 1
    assert "tile/0/001 is not what tile/1/000 says" in verdict.said


@pytest.fixture
def proof(log: Log, folder: Path) -> Path:
    file = folder / f"{ENTRY}.tlog-proof"
    key = EntryKey(booked(41, "").order_id, 1)
    file.write_text(prove(reading(log), key), "utf-8")
    return file


def test_one_entry_is_proven_by_its_proof(folder: Path, proof: Path) -> None:
    verdict = run_verifier(folder, str(proof), "--key", str(folder / "log" / "key"))
    assert verdict.status == 0, verdict.said
    assert f"proven: {ENTRY} is leaf 41 of 739" in verdict.said
    assert lines_of(folder)[41].decode() in verdict.said


@pytest.mark.parametrize("line", range(1, 16))
def test_no_line_of_a_proof_may_change(folder: Path, proof: Path, line: int) -> None:
    lines = proof.read_text("utf-8").split("\n")
    assert lines[2] == "index 41"
    if line == 2:
        lines[2] = "index 40"
    elif line < len(lines) and lines[line]:
        text = lines[line]
        place = len(text) // 2
        lines[line] = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    else:
        lines.insert(2, "")
    proof.write_text("\n".join(lines), "utf-8")
    assert run_verifier(folder, str(proof), "--key", str(folder / "log" / "key")).status in {1, 2}
