"""Tables, migrations, transactions. Knows nothing of the rest of the house."""

from openesc.store.clock import Clock, iso, now_ms, position_of
from openesc.store.errors import StaleOwner, StoreClosed, StoreError
from openesc.store.lane import Tx
from openesc.store.store import Store

__all__ = ["Clock", "StaleOwner", "Store", "StoreClosed", "StoreError", "Tx", "iso", "now_ms", "position_of"]
