package swinunetr_test

import (
	"os"
	"testing"

	"github.com/minivess/minivess/engine/models/modeltest"
)

func TestMain(m *testing.M) { os.Exit(modeltest.Main(m)) }
