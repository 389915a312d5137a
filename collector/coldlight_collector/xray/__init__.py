"""AWS X-Ray: segment documents over UDP, as its daemon takes them, and over HTTP, as its API does."""
