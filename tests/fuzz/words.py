"""Words that people, scripts and cats type after a program's name."""

import dataclasses

from hypothesis import strategies as st

__all__ = ["command_lines", "values"]

NUMBERS = (
    "0", "1", "2", "3", "8", "100", "500", "-1", "-0", "1.5", "1e3", "1e400", "nan", "-nan", "inf", "-inf",
    "1_000", "0x10", "99999999999999999999", "2147483647", "2147483648", "4294967295", "4294967296",
    "9" * 400, "9" * 5000, "1e-30", "1e-400", "٣", "½", "0.5", "0.001", " 7 ", "1,2", "1;2",
)  # fmt: skip
TEXTS = (
    "", " ", "None", "none", "null", "True", "False", "true", "-", "--", "---", "--=", "=", "%s", "{}", "{0}",
    "@file", "~", "~/x", "é", "数", "\u202e", "\U0001f600", "a b", "a\nb", "a\rb", "a\tb", "\x1b[31m", "\x00",
    "a\x00b", "\udcff", "[red]x[/red]", "'", '"', "$(x)", "*", "-h", "--help",
)  # fmt: skip
PATHS = (
    ".", "..", "/", "../up", "new/deep", "run", "run/", "run/config.json", "file", "file/x", "empty", "empty/../y",
    "/dev/null", "/dev/null/x", "/proc/1/x", "n" * 300, "a/" * 2100, "points.csv", "mixture.json", "bad.json",
    "points.npy", "pickle.npy", "images.npy", "link", "missing.npz", "/nonexistent/x/y",
)  # fmt: skip
AXES = (
    "1,2", "0.1,1", "1e-4:1e-2:log", "1:3", "0:1:3", "1:0", "1:2:3:4", ":", "1:", ",", "1,,2", "1,1", "nan:1",
    "0:1:log", "1:2:log:1", "1:9:999999999999", "1e400,1", "1:2:-3", "2:4:2", "16,32",
)  # fmt: skip


def values(good=()):
    """Draw a word for an option's value, a good one often."""
    bad = st.sampled_from((*NUMBERS, *TEXTS, *PATHS, *AXES)) | st.text(max_size=6)
    return st.sampled_from(good) | bad if good else bad


def command_lines(options, good, *, command=(), commands=(), positional=()):
    """Draw the words of a call.

    `options` is the dataclass of the command, `good` has values by the name of an option, `command`
    the words that choose it, `positional` what the two words may be that have no name.
    """
    names = [field.name for field in dataclasses.fields(options)]
    known = [name for name in names if name in good]
    usual = st.sampled_from(known).flatmap(lambda name: _usual(name, good[name]))
    odd = st.sampled_from(names).flatmap(lambda name: _odd(name, good.get(name, ())))
    strange = st.one_of(
        values(),
        st.sampled_from(("--workdri", "--no-workdir", "-x", "--seeds-", "--Seed", *commands)),
        st.sampled_from(names).map(lambda name: "--no-" + name.replace("_", "-")),
        st.sampled_from(names).map(lambda name: "--" + name),
    ).map(lambda word: (word,))
    pieces = st.tuples(
        st.lists(usual, max_size=4), st.lists(odd, max_size=1), st.lists(strange, max_size=1)
    ).flatmap(lambda kinds: st.permutations([piece for kind in kinds for piece in kind]))
    paths = st.tuples(*[st.sampled_from(positional) | values() for _ in positional[:2]])
    return st.tuples(paths, pieces).map(
        lambda drawn: [*command, *drawn[0], *(word for piece in drawn[1] for word in piece)]
    )


def _usual(name, good):
    """Draw an option with a good value, joined or apart."""
    spelling = "--" + name.replace("_", "-")
    value = st.sampled_from(good)
    return st.tuples(st.just(spelling), value) | value.map(lambda word: (f"{spelling}={word}",))


def _odd(name, good):
    """Draw an option with any value, several, or none."""
    spellings = st.sampled_from(("--" + name.replace("_", "-"), "--" + name))
    return st.one_of(
        st.tuples(spellings, values()),
        st.tuples(spellings, values()).map(lambda pair: ("=".join(pair),)),
        st.tuples(spellings, values(good), values(good)),
        spellings.map(lambda spelling: (spelling,)),
    )
