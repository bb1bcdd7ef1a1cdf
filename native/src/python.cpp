// Batches of Python objects, read where they lie: the one file that knows Python.
//
// cffi hands over one argument at a time, and a copy or a pointer per check costs more than its
// hash. So the module that cffi loads is given one function of Python's own kind (limited API).
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <cstring>
#include <memory>
#include <new>

#include "verifier.h"

namespace {

// Below this much to hash, others would wait longer for the lock than for the hash.
constexpr size_t kUnlockFrom = 2048;

struct Dropped {
    void operator()(PyObject* object) const { Py_DecRef(object); }
};
using Owned = std::unique_ptr<PyObject, Dropped>;

const uint8_t* bytes_of(PyObject* object, size_t* size) {
    char* data = nullptr;
    Py_ssize_t length = 0;
    if (PyBytes_AsStringAndSize(object, &data, &length) != 0) {
        return nullptr;
    }
    *size = static_cast<size_t>(length);
    return reinterpret_cast<const uint8_t*>(data);
}

// A text that has no bytes, as half of a surrogate pair, is no signature.
bool read_text(PyObject* text, VerifierCheck& check) {
    Py_ssize_t length = 0;
    const char* const data = PyUnicode_AsUTF8AndSize(text, &length);
    if (data == nullptr && !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        return false;
    }
    if (data == nullptr) {
        PyErr_Clear();
    }
    check.signature = reinterpret_cast<const uint8_t*>(data);
    check.signature_len = data == nullptr ? 0 : static_cast<size_t>(length);
    check.encoding = VERIFIER_TEXT;
    return true;
}

// Fills in a check from (key, message, signature). False: an exception is set.
bool read(PyObject* item, VerifierCheck& check) {
    if (PyTuple_Size(item) != 3) {  // -1, with an exception, where it is no tuple
        PyErr_SetString(PyExc_TypeError, "a check is a tuple of key, message and signature");
        return false;
    }
    check.key = bytes_of(PyTuple_GetItem(item, 0), &check.key_len);
    if (check.key == nullptr) {
        return false;
    }
    check.message = bytes_of(PyTuple_GetItem(item, 1), &check.message_len);
    if (check.message == nullptr) {
        return false;
    }
    PyObject* const signature = PyTuple_GetItem(item, 2);
    if (PyUnicode_Check(signature)) {
        return read_text(signature, check);
    }
    check.encoding = VERIFIER_RAW;
    check.signature = bytes_of(signature, &check.signature_len);
    return check.signature != nullptr;
}

// Numbers that no kernel and no number of threads can be become -1, which the library refuses.
int small(PyObject* object) {
    const long number = PyLong_AsLong(object);
    return number < 0 || number > 1024 ? -1 : static_cast<int>(number);
}

PyObject* answers(const uint8_t* results, Py_ssize_t count) {
    PyObject* const list = PyList_New(count);
    for (Py_ssize_t i = 0; list != nullptr && i < count; ++i) {
        PyList_SetItem(list, i, PyBool_FromLong(results[i] == VERIFIER_MATCH));
    }
    return list;
}

PyObject* refused(int code) {
    return PyErr_Format(PyExc_ValueError, "the verifier returned %d", code);
}

// verify_checks(checks, kernel, threads). The tuple made of the checks keeps every one of them, and
// with it the bytes that are read, until the answers are there.
PyObject* verify_checks(PyObject*, PyObject* const* arguments, Py_ssize_t given) {
    if (given != 3) {
        PyErr_SetString(PyExc_TypeError, "verify_checks takes checks, kernel and threads");
        return nullptr;
    }
    const int kernel = small(arguments[1]);
    const int threads = small(arguments[2]);
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    const Owned held(PySequence_Tuple(arguments[0]));
    if (held == nullptr) {
        return nullptr;
    }
    const Py_ssize_t count = PyTuple_Size(held.get());
    const auto number = static_cast<size_t>(count);
    const std::unique_ptr<VerifierCheck[]> checks(new (std::nothrow) VerifierCheck[number]);
    const std::unique_ptr<uint8_t[]> results(new (std::nothrow) uint8_t[number]);
    if (checks == nullptr || results == nullptr) {
        return PyErr_NoMemory();
    }
    size_t to_hash = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
        if (!read(PyTuple_GetItem(held.get(), i), checks[static_cast<size_t>(i)])) {
            return nullptr;
        }
        to_hash += checks[static_cast<size_t>(i)].message_len;
    }
    PyThreadState* const unlocked = to_hash < kUnlockFrom ? nullptr : PyEval_SaveThread();
    const int code = VerifyBatchHMAC_SHA256(checks.get(), number, results.get(),
                                            kernel, threads);
    if (unlocked != nullptr) {
        PyEval_RestoreThread(unlocked);
    }
    return code == VERIFIER_OK ? answers(results.get(), count) : refused(code);
}

// METH_FASTCALL's signature is not the one that the table declares; Python casts it back.
PyMethodDef definition = {
    "verify_checks", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(verify_checks)),
    METH_FASTCALL, nullptr};

}  // namespace

int VerifierBind(const char* name) {
    const PyGILState_STATE locked = PyGILState_Ensure();
    PyObject* const module = PyImport_AddModule(name);  // borrowed
    const Owned function(PyCFunction_New(&definition, nullptr));
    const bool done = module != nullptr && function != nullptr &&
                      PyObject_SetAttrString(module, definition.ml_name, function.get()) == 0;
    if (!done) {
        PyErr_Clear();
    }
    PyGILState_Release(locked);
    return done ? VERIFIER_OK : VERIFIER_BAD_ARGUMENT;
}
