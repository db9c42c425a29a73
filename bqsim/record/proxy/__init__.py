"""Recording in passing: a reverse proxy for REST and gRPC between an application and an upstream.

REST calls are passed on by HTTP/1.1, whatever version of HTTP they came by; gRPC frame by frame. Bodies
stream both ways, with the pace of who is slower; nothing is kept. What is changed on the way: hop-by-hop
headers, the host, and addresses that lead clients back to the proxy (``Location`` of uploads, the discovery
document, resources of Cloud Storage). The tap is told what passed on the upstream's side.
"""

from __future__ import annotations

from .proxy import RecordingProxy
from .tls import Certificate

__all__ = ["Certificate", "RecordingProxy"]
