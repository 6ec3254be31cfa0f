"""Backups: everything that an installation knows, in one file that opens with its root key.

What lives here: the format of a backup (`format`), its rows (`rows`), making one (`creating`), reading one
(`reading`), where they are kept (`places`), and when they are made (`schedule`). A backup is made from one
snapshot of the store beside a running server, and restores into either engine.

What it may touch: the store, the keyring, the position of the audit trail, and the folder or bucket that the
operator named. The audit trail itself does not go along: a backup names its position and hash, and the trail of a
restored installation begins by naming them again.
"""
