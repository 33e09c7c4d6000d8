"""Counts what a test run did: summary.py RESULTS STATUS [NAME=passed|failed|skipped …].

Reads the xunit files that `swift test` wrote into RESULTS, lists the skipped tests with their
reasons and the failed ones, and ends with the line `N passed, N failed, N skipped`. The exit
status is 1 when a test failed, none ran, or STATUS (the exit status of `swift test`) is not 0.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases(folder):
    """Yields (name, outcome, reason) for every test of every xunit file in the folder."""
    for path in sorted(folder.glob("xunit*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            failure, skipped = case.find("failure"), case.find("skipped")
            if failure is not None:
                yield name, "failed", failure.get("message", "")
            elif skipped is not None:
                yield name, "skipped", (skipped.text or "no reason given").strip()
            else:
                yield name, "passed", ""


def main(folder, status, *extra):
    outcomes = list(cases(pathlib.Path(folder)))
    ran = bool(outcomes)
    outcomes += [(name, outcome, "") for name, outcome in (item.split("=") for item in extra)]
    for wanted in ("skipped", "failed"):
        for name, outcome, reason in outcomes:
            if outcome == wanted:
                print(f"{wanted}: {name}" + (f": {reason}" if reason else ""))
    counts = {kind: 0 for kind in ("passed", "failed", "skipped")}
    for _, outcome, _ in outcomes:
        counts[outcome] += 1
    if status != "0" and not counts["failed"]:
        print(f"failed: the test run itself, with status {status}")
        counts["failed"] = 1
    elif not ran:
        print("failed: no test ran")
        counts["failed"] += 1
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
