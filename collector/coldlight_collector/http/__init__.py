"""An HTTP/1.1 server made for ingest: small requests, hostile clients, and no answer that loses data."""
