"""The text of an ``authorized_keys`` file: one line more or less, and every other byte as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.rotators.ssh_authorized_keys import Entry, parse_entry, with_key, without_keys

NEW = Entry("", "ssh-ed25519", "NEW=", "rotated:here")


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("ssh-ed25519 AAAA", Entry("", "ssh-ed25519", "AAAA", "")),
        ("  ssh-rsa\tAAAA=  two words ", Entry("", "ssh-rsa", "AAAA=", "two words")),
        ("sk-ssh-ed25519@openssh.com AAAA me", Entry("", "sk-ssh-ed25519@openssh.com", "AAAA", "me")),
        ('command="echo \\"a b\\" ssh-rsa",no-pty ecdsa-sha2-nistp256 AAAA', None),
        ('from="a b" ssh-rsa AAAA x', Entry('from="a b"', "ssh-rsa", "AAAA", "x")),
        ("", None),
        ("# ssh-rsa AAAA", None),
        ('command="unended ssh-rsa AAAA', None),
        ("no-pty", None),
    ],
)
def test_a_line_is_read_as_sshd_reads_it(line: str, entry: Entry | None) -> None:
    if line.startswith('command="echo'):
        entry = Entry('command="echo \\"a b\\" ssh-rsa",no-pty', "ecdsa-sha2-nistp256", "AAAA", "")
    assert parse_entry(line) == entry


def test_a_key_may_do_what_the_one_before_may() -> None:
    text = 'no-pty,command="x y" ssh-rsa OLD= old\nssh-rsa OTHER='
    changed = with_key(text, NEW, like="OLD=")
    assert changed == f'{text}\nno-pty,command="x y" ssh-ed25519 NEW= rotated:here\n'
    assert with_key(changed, NEW, like="OLD=") == changed
    assert with_key(text, NEW, like="OTHER=").endswith("OTHER=\nssh-ed25519 NEW= rotated:here\n")
    with pytest.raises(LookupError):
        with_key(text, NEW, like="none")


lines = st.text(st.characters(exclude_characters="\n"), max_size=40).filter(lambda line: parse_entry(line) is None)


@given(before=st.lists(lines), after=st.lists(lines), options=st.sampled_from(["", "no-pty ", 'from="a \\" b" ']))
def test_every_other_byte_stays(before: list[str], after: list[str], options: str) -> None:
    text = "\n".join([*before, f"{options}ssh-rsa OLD= me", *after])
    changed = with_key(text, NEW, like="OLD=")
    assert changed.startswith(text)
    assert parse_entry(changed.split("\n")[-2]) == Entry(options.rstrip(), "ssh-ed25519", "NEW=", "rotated:here")
    old_gone = without_keys(changed, lambda entry: entry.key == "OLD=")
    assert old_gone == "\n".join([*before, *changed.split("\n")[len(before) + 1 :]])
    assert without_keys(old_gone, lambda entry: entry.key == "OLD=") == old_gone
