"""Prints the share of covered lines per folder of two or three parts, from llvm-cov's export.

coverage.py ROOT < export.json
"""

import collections
import json
import pathlib
import sys


def folder(path, root):
    parts = pathlib.Path(path).relative_to(root).parts
    depth = 3 if parts[0] == "Services" and len(parts) > 3 else 2
    return "/".join(parts[:depth])


def main(root):
    covered, total = collections.Counter(), collections.Counter()
    for file in json.load(sys.stdin)["data"][0]["files"]:
        name, lines = folder(file["filename"], root), file["summary"]["lines"]
        for key in (name, "all"):
            covered[key] += lines["covered"]
            total[key] += lines["count"]
    for key in sorted(total, key=lambda key: (key == "all", key)):
        print(f"{key:<32}{covered[key]:>8}{total[key]:>8}{100 * covered[key] / total[key]:>8.1f} %")


if __name__ == "__main__":
    main(sys.argv[1])
