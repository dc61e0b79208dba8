"""The agent's side of mutual TLS 1.3. Both sides own the pod's one key: who can't show it is nobody of ours."""

import os
import socket
import ssl

_JOINED = 1 << 18


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """@param certificate  PEM, self-signed: the only one that is trusted
    @raises ssl.SSLError where either can't be used"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificate)
    # OpenSSL wants a file, and the pod's secret belongs on no disk.
    fd = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(fd, f"{key}\n{certificate}".encode())
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    return context


class TlsSocket:
    """What the stream uses of a socket. The handshake is made by the first read."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._ssl = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self.setsockopt = self._ssl.setsockopt
        self.setblocking = self._ssl.setblocking
        self.fileno = self._ssl.fileno
        self.close = self._ssl.close
        # What was decrypted and not taken: the descriptor does not show it.
        self.pending = self._ssl.pending

    def recv_into(self, view) -> int:
        try:
            return self._ssl.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
        except ssl.SSLEOFError:
            return 0

    def sendmsg(self, batch: list) -> int:
        """Small messages are joined: a record for each costs five times as much."""
        size, parts = 0, []
        for part in batch:
            parts.append(part)
            size += len(part)
            if size >= _JOINED:
                break
        try:
            return self._ssl.send(parts[0] if len(parts) == 1 else b"".join(parts))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
