package torch
import ("testing";"github.com/sugarme/gotch/ts";"github.com/sugarme/gotch")
func TestX(t *testing.T){ x:=ts.MustRandn([]int64{1,1,8,8,8},gotch.Float,gotch.CPU); w:=ts.MustRandn([]int64{2,1,3,3,3},gotch.Float,gotch.CPU); y:=ts.MustConv3d(x,w,ts.NewTensor(),[]int64{1,1,1},[]int64{1,1,1},[]int64{1,1,1},1); t.Log(y.MustSize()) }
