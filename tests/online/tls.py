"""TLS in front of a plain HTTP server on this machine, by Python's ssl: tls.py CERTIFICATE KEY PORT.

Prints its own port, then passes bytes both ways until its standard input is closed.
"""
import os
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(client):
    try:
        outside = context.wrap_socket(client, server_side=True)
    except (ssl.SSLError, OSError):
        return
    inside = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
    threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
    pump(inside, outside)


threading.Thread(target=end_with_input, daemon=True).start()
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
