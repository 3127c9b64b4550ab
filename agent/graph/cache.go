package graph

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Cache keeps the results of nodes for a while. It must be safe for concurrent
// use; a miss is never an error.
type Cache interface {
	Get(key string, now time.Time) (json.RawMessage, bool)
	Put(key string, value json.RawMessage, until time.Time)
}

// maxCached is how many results a MemoryCache keeps.
const maxCached = 1024

// MemoryCache is a Cache that holds the 1,024 results that last the longest.
// The zero value is ready.
type MemoryCache struct {
	mu      sync.Mutex
	results map[string]cached
}

type cached struct {
	value json.RawMessage
	until time.Time
}

// Get finds a result that has not expired.
func (c *MemoryCache) Get(key string, now time.Time) (json.RawMessage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.results[key]
	if !ok || !now.Before(r.until) {
		delete(c.results, key)
		return nil, false
	}
	return slices.Clone(r.value), true
}

// Put keeps a result, and drops the one that expires first if there are too
// many.
func (c *MemoryCache) Put(key string, value json.RawMessage, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil {
		c.results = make(map[string]cached)
	}
	c.results[key] = cached{slices.Clone(value), until}
	if len(c.results) <= maxCached {
		return
	}
	first := key
	for k, r := range c.results {
		if o := c.results[first]; r.until.Before(o.until) || r.until.Equal(o.until) && k < first {
			first = k
		}
	}
	delete(c.results, first)
}
