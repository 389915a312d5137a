cityHash64(mapSort(ResourceAttributes), ScopeName, ScopeVersion, mapSort(Attributes))
