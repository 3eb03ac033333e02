"""Many emails: where they come from, who looks them up, and in which order they are given out."""

from ltx_async.engine.bulk.bulk_lookup import BulkLookup

__all__ = ["BulkLookup"]
