#!/usr/bin/env python3
# The example of Sentieon's "License server extension", in Python 3: what its users have, for use as it is.
import json
import sys

secret_key = "My_secret_key"


def main(argv):
    inputs = json.load(sys.stdin)
    if inputs.get('mech') != 'unix':
        print("mech not unix", file=sys.stderr)
        return -1
    if inputs.get('data') != secret_key:
        print("Incorrect key", file=sys.stderr)
        return -1
    if not isinstance(inputs.get('groups'), list):
        return -1
    if 'Developers' not in inputs.get('groups'):
        print("Developers not in groups", file=sys.stderr)
        return -1
    if 'baduser' == inputs.get('user'):
        print("baduser is running the test", file=sys.stderr)

    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
