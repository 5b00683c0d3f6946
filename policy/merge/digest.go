package merge

import (
	"encoding/json"
	"hash/maphash"
	"strconv"
)

// seed is drawn once per process, so that nobody can choose values with the same digest. Nothing
// observable depends on it: what has one digest is compared.
var seed = maphash.MakeSeed()

// Digest is a hash of a leaf: the same for leaves of one path whose values read the same.
func Digest(path []string, value any) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, key := range path {
		_, _ = h.WriteString(key)
		_ = h.WriteByte(0)
	}
	digest(&h, value)
	return h.Sum64()
}

func digest(h *maphash.Hash, value any) {
	var text []byte
	switch v := value.(type) {
	case string:
		_ = h.WriteByte('"')
		_, _ = h.WriteString(v)
		return
	case int64:
		text = strconv.AppendInt(make([]byte, 0, 20), v, 10)
	case []any:
		for _, item := range v {
			digest(h, item)
		}
		return
	default:
		text, _ = json.Marshal(value)
	}
	_, _ = h.Write(text)
}

// Mix adds a hash to a hash of what comes before it.
func Mix(h, next uint64) uint64 {
	h = (h ^ next) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}
