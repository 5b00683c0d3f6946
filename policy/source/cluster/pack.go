package cluster

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// packed is a text: as it is, or compressed.
type packed struct {
	data []byte
	with *codec // nil for a text as it is
}

// unpack returns the text, which must not be changed.
func (p packed) unpack() []byte {
	if p.with == nil {
		return p.data
	}
	text, err := p.with.decoder.DecodeAll(p.data, nil)
	if err != nil {
		panic("cluster: a record does not decompress: " + err.Error())
	}
	return text
}

// packer packs texts of one sort.
//
// The results of two routes below the same policies say nearly the same. So the first texts become the
// dictionary for all that follow, which leaves about a tenth of them. A route with many rules on many
// listeners has a result of hundreds of kilobytes that names the same listeners again and again: that
// becomes small without others like it.
type packer struct {
	mu      sync.Mutex
	samples []byte
	ready   atomic.Pointer[codec]
}

// packers are those of a process. What they packed can be unpacked whatever they have learned since.
var packers struct{ results, statuses, annotations packer }

const (
	// fewBytes is the size below which a text stays as it is.
	fewBytes = 200
	// manyBytes is the size above which a text is compressed without a dictionary.
	manyBytes = 8 << 10
	// dictionaryBytes is the size of a dictionary.
	dictionaryBytes = 24 << 10
)

// pack returns a text, which may be changed afterwards.
func (p *packer) pack(text []byte) packed {
	if len(text) < fewBytes {
		return packed{data: bytes.Clone(text)}
	}
	c := p.codec(text)
	if c == nil {
		if len(text) < manyBytes {
			return packed{data: bytes.Clone(text)}
		}
		c = general()
	}
	data := c.encoder.EncodeAll(text, nil)
	if len(data) >= len(text) {
		return packed{data: bytes.Clone(text)}
	}
	return packed{data: bytes.Clone(data), with: c} // without what the encoder reserved
}

// codec returns the codec with the dictionary, nil as long as it is too early for one.
func (p *packer) codec(text []byte) *codec {
	if c := p.ready.Load(); c != nil {
		return c
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.ready.Load(); c != nil {
		return c
	}
	p.samples = append(p.samples, text[:min(len(text), manyBytes)]...)
	if len(p.samples) < dictionaryBytes {
		return nil
	}
	c := newCodec(
		[]zstd.EOption{zstd.WithEncoderDictRaw(1, p.samples)},
		[]zstd.DOption{zstd.WithDecoderDictRaw(1, p.samples)},
	)
	p.samples = nil
	p.ready.Store(c)
	return c
}

// codec compresses and decompresses.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// general is the codec without a dictionary.
var general = sync.OnceValue(func() *codec { return newCodec(nil, nil) })

// window is how far back in a text a codec looks for what repeats.
const window = 128 << 10

func newCodec(encoding []zstd.EOption, decoding []zstd.DOption) *codec {
	encoder, err := zstd.NewWriter(nil, append(encoding, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))...)
	if err != nil {
		panic("cluster: the options of the encoder are wrong: " + err.Error())
	}
	decoder, err := zstd.NewReader(nil, append(decoding, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))...)
	if err != nil {
		panic("cluster: the options of the decoder are wrong: " + err.Error())
	}
	return &codec{encoder, decoder}
}
