"""Brings a secret back from its shares, with nothing but Python 3.

    python3 recombine.py KEY_CHECK [SHARE...]     more shares on standard input, one a line
KEY_CHECK: 64 hex digits from the sealed file's header, the record or the certificate.
SHARE: a sheet's QR text, or its 36 words. Give every sheet you have; more never hurts.
english.txt, the 2048 BIP-39 English words, one a line, lies beside this program.
Then, its jwk in file key.jwk: jose jwe dec -i backup.jwe -k key.jwk; its passphrase: age -d
"""
import base64, hashlib, hmac, itertools, json, pathlib, sys

def fail(trouble): sys.exit("recombine: " + trouble)

def from_words(words):                         # 12 or 24 words: bits, then SHA-256 bits
    if set(words) - set(LIST):
        fail("a word is not in the word list")
    bits, size = "".join(format(LIST.index(w), "011b") for w in words), len(words) * 4 // 3
    data = int(bits[:8 * size], 2).to_bytes(size, "big")
    if format(hashlib.sha256(data).digest()[0], "08b")[:size // 4] != bits[8 * size:]:
        fail("a word of a group of %d is wrong" % len(words))
    return data

def to_words(data):                            # 32 bytes, 24 words
    bits = "".join(format(b, "08b") for b in data + hashlib.sha256(data).digest()[:1])
    return " ".join(LIST[int(bits[i:i + 11], 2)] for i in range(0, 264, 11))

def share(text):                               # 48 bytes, checked
    words = text.lower().split()
    if len(words) == 36:
        data = from_words(words[:12]) + from_words(words[12:])
    elif text[:4] in ("QHS1", "QHR1") and len(text) == 81:
        if set(text[4:]) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
            fail("a QR text has a character that base32 has not")
        data = base64.b32decode(text[4:] + "===")
        if data[0] != {"QHS1": 1, "QHR1": 129}[text[:4]]:
            fail("a QR text does not fit its own version")
    else:
        fail("neither the QR text of a share nor 36 words")
    check = hashlib.sha256(b"qh-ceremony share v1" + data[:8] + data[16:]).digest()[:8]
    if data[0] not in (1, 129) or data[1] == 0 or check != data[8:16]:
        fail("a share is damaged: its check does not fit, or its version is not 1")
    return data

def mul(a, b):                                 # in GF(2^8), polynomial 0x11d
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = a << 1 ^ (a >> 7) * 0x11d, b >> 1
    return product

def secret_of(shares):                         # Lagrange interpolation at 0, byte by byte
    secret = bytearray(32)
    for s in shares:
        over = under = 1
        for t in shares:
            if t[1] != s[1]:
                over, under = mul(over, t[1]), mul(under, t[1] ^ s[1])
        factor = next(mul(over, i) for i in range(256) if mul(under, i) == 1)
        secret = bytes(a ^ mul(factor, y) for a, y in zip(secret, s[16:]))
    return secret

LIST = (pathlib.Path(__file__).parent / "english.txt").read_text().split()
if len(sys.argv) < 2 or len(LIST) != 2048:
    fail("usage: recombine.py KEY_CHECK [SHARE...]; english.txt with 2048 words beside it")
texts = sys.argv[2:] + ([] if sys.stdin.isatty() else sys.stdin.read().splitlines())
shares = sorted({share(t.strip()) for t in texts if t.strip()}, key=lambda s: s[1])
if not shares: fail("no share was given")
if len({(s[0], s[2:8]) for s in shares}) != 1 or len({s[1] for s in shares}) < len(shares):
    fail("the shares are not of one set, or two have one number: " + ", ".join(
        "%d of set %s" % (s[1], s[2:8].hex()) for s in shares))
set_id = shares[0][2:8]
for size in range(len(shares), 1, -1):         # fewer than all only if some are forged
    for chosen in itertools.combinations(shares, size):
        secret = secret_of(chosen)
        check, jwe, age = (hmac.digest(secret, b"qh-ceremony %s v1" % use + set_id, "sha256")
                           for use in (b"check", b"jwe", b"age"))
        if check.hex() == sys.argv[1].strip().lower():
            jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(jwe).decode().rstrip("=")}
            sys.exit(print(json.dumps({"set_id": set_id.hex(), "key_check": check.hex(), "jwk": jwk,
                "age_passphrase": to_words(age), "used": [s[1] for s in chosen]})))
fail("no combination of these shares gives the key check: too few, or one is forged")
