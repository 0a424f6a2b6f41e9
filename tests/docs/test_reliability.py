"""The page of faults has the row of every test that makes one, and no other."""

import re
import subprocess
import sys

from docs import reliability


def test_page():
    command = [sys.executable, "-m", "docs.reliability", "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = reliability.PATH.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \| ", page.replace("\\|", "\0"), flags=re.MULTILINE)
    faults = [row.replace("\0", "|") for row in rows if row != "Fault"]
    assert faults == listed.splitlines()
    assert reliability.TAIL.format(count=len(faults)).strip() in page
