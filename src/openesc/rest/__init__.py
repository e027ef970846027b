"""ESCManager: the REST northbound. Furnished by its own issue; nothing here serves yet."""
