package machine

import (
	"testing"
	"testing/fstest"
)

func TestFreeMemory(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:       24000000 kB\nMemAvailable:   16000000 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux":           {nil, 0},
		"without groups":     {map[string]string{"proc/meminfo": meminfo}, 16000000 << 10},
		"no such line":       {map[string]string{"proc/meminfo": "MemTotal: 1 kB\n"}, 0},
		"a line cut short":   {map[string]string{"proc/meminfo": "MemAvailable:"}, 0},
		"not a number":       {map[string]string{"proc/meminfo": "MemAvailable: many kB"}, 0},
		"negative":           {map[string]string{"proc/meminfo": "MemAvailable: -5 kB"}, 0},
		"more than there is": {map[string]string{"proc/meminfo": "MemAvailable: 99999999999999999 kB"}, 0},
		"an unlimited group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "1\n",
		}, 16000000 << 10},
		"the outer group is the tighter one": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "1:name=systemd:/x\n0::/batch/job\n",
			"sys/fs/cgroup/batch/job/memory.max": "max\n", "sys/fs/cgroup/batch/job/memory.current": "70\n",
			"sys/fs/cgroup/batch/memory.max": "1000\n", "sys/fs/cgroup/batch/memory.current": "400\n",
			"sys/fs/cgroup/batch/memory.stat": "anon 300\ninactive_file 50\n",
		}, 650},
		"over the limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/job\n",
			"sys/fs/cgroup/job/memory.max": "1000\n", "sys/fs/cgroup/job/memory.current": "1400\n",
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range c.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := free(root); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func FuzzField(f *testing.F) {
	for _, seed := range []string{"MemAvailable: 1 kB", "MemAvailable:\n", "x MemAvailable: 3", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := field(fstest.MapFS{"f": {Data: []byte(text)}}, "f", "MemAvailable:", 1024)
		if ok && n < 0 {
			t.Errorf("%q: %d", text, n)
		}
	})
}
