package pickle

import "strings"

// forbids recognises what no checkpoint needs and attacks use. The machine could
// not call it anyway: the list is there to warn people of a hostile file.
func (m *machine) forbids(g Global) bool {
	root, rest, _ := strings.Cut(g.Module, ".")
	second, _, _ := strings.Cut(rest, ".")
	return m.forbidden[root] || m.forbidden[root+"."+second] || m.forbidden[g.Module] || m.forbidden[g.Module+"."+g.Name]
}

// forbidden are modules and functions that run programs, load code, open files
// or reach the network.
func forbidden() map[string]bool {
	out := make(map[string]bool)
	for name := range strings.FieldsSeq(`
		os posix nt ntpath posixpath subprocess sys shutil socket runpy importlib imp pty commands popen2 ctypes _ctypes
		cffi code codeop pdb bdb cProfile profile timeit trace doctest webbrowser multiprocessing concurrent threading
		_thread asyncio signal pickle _pickle cPickle marshal shelve dill cloudpickle joblib operator _operator io _io
		tempfile urllib urllib2 http httplib requests ftplib smtplib ssl pip setuptools distutils ensurepip venv site
		inspect ast gc linecache fileinput pydoc zipimport pkgutil pkg_resources platform pexpect paramiko fabric
		torch.hub torch.utils.cpp_extension torch._dynamo torch._inductor torch.fx torch.load torch.jit.load
		numpy.f2py numpy.distutils numpy.testing numpy.load numpy.fromfile numpy.memmap
		types.FunctionType types.CodeType types.LambdaType
		builtins.eval builtins.exec builtins.execfile builtins.compile builtins.__import__ builtins.open builtins.file
		builtins.input builtins.raw_input builtins.setattr builtins.delattr builtins.globals builtins.locals
		builtins.vars builtins.dir builtins.breakpoint builtins.reload builtins.apply builtins.exit builtins.quit
		builtins.help builtins.__build_class__`) {
		out[name] = true
	}
	return out
}
