/// @file
/// The checks of the C++ tests. A failing check prints what was compared, the values and the place;
/// `return check::result();` at the end of main turns any failure into a non-zero exit status.
#pragma once

#include <cmath>
#include <exception>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>

namespace check {

inline int n_failed = 0;
inline int n_checked = 0;

inline void report(bool ok, const char* file, int line, const char* expression,
                   const std::string& detail) {
    ++n_checked;
    if (ok) return;
    ++n_failed;
    std::cerr << file << ':' << line << ": failed: " << expression;
    if (!detail.empty()) std::cerr << "\n    " << detail;
    std::cerr << '\n';
}

template <class T>
std::string text(const T& value) {
    std::ostringstream out;
    out.precision(std::numeric_limits<double>::max_digits10);
    out << value;
    return out.str();
}

template <class A, class B>
void equal(const A& a, const B& b, const char* file, int line, const char* expression) {
    report(a == b, file, line, expression, text(a) + " is not " + text(b));
}

/// |a - b| <= tolerance; equal infinities and two NaN count as close.
inline void close(double a, double b, double tolerance, const char* file, int line,
                  const char* expression) {
    const bool ok = a == b || std::abs(a - b) <= tolerance || (std::isnan(a) && std::isnan(b));
    report(ok, file, line, expression,
           text(a) + " against " + text(b) + ": off by " + text(std::abs(a - b)) + ", allowed " +
               text(tolerance));
}

template <class Exception, class F>
void throws(F&& f, const std::string& part, const char* file, int line, const char* expression) {
    std::string got = "nothing was thrown";
    bool ok = false;
    try {
        f();
    } catch (const Exception& e) {
        got = std::string("the message was: ") + e.what();
        ok = got.find(part) != std::string::npos;
    } catch (const std::exception& e) {
        got = std::string("another exception came: ") + e.what();
    }
    report(ok, file, line, expression, got + "; expected it to contain: " + part);
}

/// Prints the tally; the value to return from main.
inline int result() {
    std::cout << n_checked - n_failed << " checks passed, " << n_failed << " failed\n";
    return n_failed == 0 && n_checked > 0 ? 0 : 1;
}

}  // namespace check

#define CHECK(condition) check::report((condition), __FILE__, __LINE__, #condition, "")
#define CHECK_EQUAL(a, b) check::equal((a), (b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_CLOSE(a, b, tolerance) \
    check::close((a), (b), (tolerance), __FILE__, __LINE__, #a " ~ " #b)
/// The statement must throw the exception, with a message that contains the part.
#define CHECK_THROWS(statement, exception, part) \
    check::throws<exception>([&] { statement; }, (part), __FILE__, __LINE__, #statement)
