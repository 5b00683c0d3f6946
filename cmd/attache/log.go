package main

import (
	"fmt"
	"strconv"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns the one logger of the process.
func newLogger(level, format string) (logr.Logger, error) {
	var at zapcore.Level
	switch level {
	case "error", "info", "debug":
		if err := at.Set(level); err != nil {
			return logr.Logger{}, err
		}
	default:
		n, err := strconv.ParseInt(level, 10, 8)
		if err != nil || n < 0 {
			return logr.Logger{}, fmt.Errorf("--log-level: unknown level %q: use error, info, debug or a number", level)
		}
		at = zapcore.Level(-n)
	}
	config := zap.NewProductionConfig()
	switch format {
	case "json":
	case "console":
		config.Encoding = "console"
		config.EncoderConfig = zap.NewDevelopmentEncoderConfig()
	default:
		return logr.Logger{}, fmt.Errorf("--log-format: unknown format %q: use json or console", format)
	}
	config.Level = zap.NewAtomicLevelAt(at)
	config.EncoderConfig.TimeKey = "time"
	config.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	config.DisableStacktrace = true
	log, err := config.Build()
	if err != nil {
		return logr.Logger{}, fmt.Errorf("starting to log: %w", err)
	}
	return zapr.NewLogger(log), nil
}
