#!/usr/bin/env python3
"""Makes the chain specs of this directory. Needs xxhash (python3-xxhash); shares no code with the program.

raw.json         three validators with 64-byte aura keys. The accounts of the first two are BLAKE2b-256 of their keys,
                 that of the third is not.
stock.json       two validators of a stock chain, each with aura (sr25519), gran and beef; types told by KeyOwner.
stock-bare.json  two validators with three 32-byte keys each, without KeyOwner.
not-raw.json     a spec in readable form.
"""
import hashlib
import json
import os

import xxhash

HERE = os.path.dirname(os.path.abspath(__file__))


def twox64(data):
    return xxhash.xxh64(data, seed=0).intdigest().to_bytes(8, "little")


def twox128(text):
    data = text.encode()
    return b"".join(xxhash.xxh64(data, seed=s).intdigest().to_bytes(8, "little") for s in (0, 1))


def compact(number):
    if number < 64:
        return bytes([number << 2])
    assert number < 2**14
    return (number << 2 | 1).to_bytes(2, "little")


def item(pallet, name, key=b""):
    return "0x" + (twox128(pallet) + twox128(name) + (twox64(key) + key if key else b"")).hex()


def owner(key_type, public):
    return item("Session", "KeyOwner", key_type + compact(len(public)) + public)


def write(name, chain_id, genesis):
    spec = {"name": "Test", "id": chain_id, "chainType": "Live", "bootNodes": [], "telemetryEndpoints": None,
            "protocolId": None, "properties": {"ss58Format": 42}, "codeSubstitutes": {}, "genesis": genesis}
    with open(os.path.join(HERE, name), "w") as out:
        json.dump(spec, out, indent=1)
        out.write("\n")


def raw(top):
    return {"raw": {"top": top, "childrenDefault": {}}}


with open(os.path.join(HERE, "../keystore/aura.json")) as source:
    aura = [bytes.fromhex(pair["public"][2:]) for pair in json.load(source)][:3]
account = [hashlib.blake2b(aura[0], digest_size=32).digest(),
           hashlib.blake2b(aura[1], digest_size=32).digest(),
           hashlib.sha256(b"an account that is no hash of a key").digest()]
top = {
    "0x3a636f6465": "0x" + "00" * 64,
    "0x3a65787472696e7369635f696e646578": "0x00000000",
    item("Session", "Validators"): "0x" + (compact(3) + b"".join(account)).hex(),
    item("Session", "QueuedKeys"): "0x" + (compact(3) + b"".join(a + k for a, k in zip(account, aura))).hex(),
    item("Aura", "Authorities"): "0x" + (compact(3) + b"".join(aura)).hex(),
}
for who, key in zip(account, aura):
    top[item("Session", "NextKeys", who)] = "0x" + key.hex()
    top[owner(b"aura", key)] = "0x" + who.hex()
write("raw.json", "dev3", raw(top))

top, bare = {}, {}
for number in (1, 2):
    who = bytes([number]) * 32
    keys = {b"aura": bytes([number + 16]) * 32, b"gran": bytes([number + 32]) * 32, b"beef": bytes([2]) + bytes([number + 48]) * 32}
    top[item("Session", "NextKeys", who)] = "0x" + b"".join(keys.values()).hex()
    bare[item("Session", "NextKeys", who)] = "0x" + (keys[b"aura"] + keys[b"gran"] + bytes([number + 64]) * 32).hex()
    for key_type, key in keys.items():
        top[owner(key_type, key)] = "0x" + who.hex()
write("stock.json", "local_testnet", raw(top))
write("stock-bare.json", "local_testnet", raw(bare))
write("not-raw.json", "dev3", {"runtimeGenesis": {"patch": {"session": {"keys": []}}}})
