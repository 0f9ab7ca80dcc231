"""Makes state.json: a raw chain spec that meets every kind of trie node. Everything in it is made up.

Keys: none, one and many in a branch; one that is the beginning of others; partial keys around each count at which a
node's header gets another byte (14, 15, 30, 31, 62, 63, 318 nibbles and more). Values: none, 32 and 33 bytes (the
threshold of state version 1), and both sides of each length at which SCALE's compact form changes. Child tries: two
with entries, one without.
"""

import hashlib
import json
from pathlib import Path


def value(length: int) -> str:
    return "0x" + hashlib.shake_256(b"value %d" % length).hexdigest(length)


top = {}
for index, length in enumerate([0, 1, 31, 32, 33, 63, 64, 16383, 16384, 70000]):
    top["0x3a%02x" % index] = value(length)
for nibbles in [*range(0, 70), 254, 255, 256, 317, 318, 319, 572, 573, 574, 575]:
    # Two branches of their own: the partial key of the leaf has that many nibbles, in even and odd places.
    if nibbles % 2 == 0:
        top["0xa%01x%02x%s" % (0, nibbles % 251, "5a" * (nibbles // 2))] = value(40)
        top["0xb%01x%02x%s" % (0, nibbles % 251, "5a" * (nibbles // 2))] = value(4)
    else:
        top["0xa1%02x%s6" % (nibbles % 251, "7" * nibbles)] = value(40)
        top["0xb1%02x%s6" % (nibbles % 251, "7" * nibbles)] = value(4)
path = "c0"
for depth in range(40):
    top["0x" + path] = value(depth)
    top["0x" + path + "ff" * depth + "00"] = value(33)
    path += "%02x" % depth
child = {"0x%04x" % (index * 257): value(index) for index in range(48)}
children = {"0x6f6e65": child, "0x74776f": {"0x": value(33)}, "0x6e6f6e65": {}}
spec = {
    "name": "Made up",
    "id": "made_up",
    "genesis": {"raw": {"top": top, "childrenDefault": children}},
}
Path(__file__).with_name("state.json").write_text(json.dumps(spec, indent=1) + "\n")
