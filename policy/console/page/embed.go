package page

import (
	"embed"
	"io/fs"
)

//go:generate go tool -modfile=../../../tools.mod esbuild src/page.tsx src/page.css --bundle --minify --legal-comments=none --charset=utf8 --target=es2022 --format=iife --tsconfig=tsconfig.json --entry-names=[name] --outdir=dist --log-level=warning --alias:preact/hooks=./vendor/preact/hooks.mjs --alias:preact=./vendor/preact/preact.mjs --alias:@preact/signals=./vendor/signals/signals.mjs --alias:@preact/signals-core=./vendor/signals-core/signals-core.mjs

//go:embed dist
var dist embed.FS

// Files are the files of the page: index.html, and the files that it loads.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("page: " + err.Error()) // the name is a constant
	}
	return files
}
