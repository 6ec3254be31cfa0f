"""The services: what callers ask for. One package per AWS service, one async method per operation.

An operation has typed keyword parameters named as in the service model, loads what it needs, asks `Call.authorize`
with the resource in hand, acts, and returns a dict in the model's output shape. A service reaches another only
through the clients in `strongroom.services.clients`, which carry the original caller.

What these packages may touch: identity, policy, keyring, store, audit. What never enters: HTTP, XML, JSON bodies.
"""
