"""Runs `age` with a passphrase, which it reads from the terminal alone.

    age_passphrase.py PASSPHRASE age -d -o OUT IN
    age_passphrase.py PASSPHRASE age -p -o OUT IN

Answers each prompt that ends in a colon, and exits as `age` did.
"""

import os
import pty
import sys

passphrase, command = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
said = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if b"passphrase" in said and said.rstrip(b" ").endswith(b":"):
        os.write(terminal, passphrase.encode() + b"\n")
        said = b""
_, status = os.waitpid(child, 0)
sys.stderr.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(status))
