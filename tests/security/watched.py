"""Run commands in this process, and note every path that Python opens for writing or changes.

    python watched.py NOTES COMMANDS

COMMANDS is a JSON list of `[module, argument, ...]`, NOTES the file for what was noted.
"""

import functools
import importlib
import json
import os
import sys
import threading

CHANGES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.copyfile", "shutil.move", "shutil.rmtree",
    "tempfile.mkstemp", "tempfile.mkdtemp", "sqlite3.connect",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

noted: set[str] = set()
lock = threading.local()


def note(event, arguments):
    """Take a path down, whichever way it is said."""
    if getattr(lock, "held", False):
        return
    if event == "open":
        path, mode, flags = arguments
        writes = flags & WRITING if isinstance(flags, int) else set("wxa+") & set(mode or "")
        paths = [path] if writes and not isinstance(path, int) else []
    elif event in CHANGES:
        paths = [each for each in arguments if isinstance(each, (str, bytes, os.PathLike))]
    else:
        return
    lock.held = True
    try:
        # Names below a folder that was opened before come with its number.
        numbers = [each for each in arguments if type(each) is int and each > 2]
        below = numbers[-1] if event in CHANGES and numbers else None
        noted.update(os.path.join(_folder(below), os.fsdecode(path)) for path in paths)
    finally:
        lock.held = False


def _folder(descriptor):
    try:
        return os.getcwd() if descriptor is None else os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return os.getcwd()


def judge_little():
    """Let what judges samples be quick: it need not be good at it here."""
    cache = importlib.import_module("gan_jax.metrics.classifier_cache")
    cache.train_classifier = functools.partial(cache.train_classifier, steps=20)
    for name in ("filming", "playing", "tune"):
        room = importlib.import_module(f"gan_jax.lab.{name}")
        room.judge_all = functools.partial(judge_few, room.judge_all)


def judge_few(judge, distribution, fakes):
    return judge(distribution, fakes[:, :100])


def main():
    target, commands = sys.argv[1:]
    sys.argv = ["watched"]
    judge_little()
    sys.addaudithook(note)
    codes = []
    for module, *arguments in json.loads(commands):
        codes.append(importlib.import_module(module).main(arguments))
        if codes[-1]:
            break
    paths = sorted(noted)
    with open(target, "w") as file:
        json.dump({"codes": codes, "paths": paths}, file)


if __name__ == "__main__":
    main()
