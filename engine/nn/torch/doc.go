// Package torch interprets an nn.Graph eagerly with libtorch, with gradients.
package torch

import _ "github.com/sugarme/gotch/ts"
