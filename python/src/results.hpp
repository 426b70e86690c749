#pragma once
/// Arrays that receive results: new ones, or the caller's `out`, checked.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "ndarray.hpp"
#include "remedies.hpp"

namespace jacnet::python {

/// Lengths of a result's axes, of which there are four at most.
class Shape {
public:
    Shape(std::initializer_list<index_t> lengths) : size_(lengths.size()) {
        std::copy(lengths.begin(), lengths.end(), lengths_.begin());
    }
    void push_back(index_t length) { lengths_[size_++] = length; }
    std::size_t size() const { return size_; }
    const index_t* begin() const { return lengths_.data(); }
    const index_t* end() const { return lengths_.data() + size_; }
    index_t operator[](std::size_t axis) const { return lengths_[axis]; }

private:
    std::array<index_t, 4> lengths_{};
    std::size_t size_;
};

/// The array that a question is answered in.
struct ResultForm {
    Shape shape;
    const char* instead;  ///< what to ask for where memory cannot hold it
    bool c_order = false;
    Real real = Real::float64;

    double elements() const;
};

/// `out` as given and checked, or a new array, in Fortran order unless told otherwise.
/// @throws TypeError for another type or dtype; ValueError for shape, read-only or overlapping
/// `out`; MemoryError
py::array result(py::handle out, const Argument& argument, const ResultForm& form);

/// Refuses a result that shares memory with an input.
void refuse_overlap(const py::array& out, const char* function, std::span<const py::array> inputs,
                    const char* name);
void refuse_overlap(const py::array& out, const char* function, const Network& net);

/// Bytes that nobody needs to ask for.
inline constexpr double always_there = 1024.0 * 1024.0 * 1024.0;

/// Refuses what memory cannot hold, before anything is computed; what() names it.
/// @throws MemoryError
void need_much_room(const Argument& out, const std::string& what, double bytes,
                    const char* instead);
template <class What>
void need_room(const Argument& out, What&& what, double bytes, const char* instead) {
    if (bytes > always_there) need_much_room(out, what(), bytes, instead);
}

}  // namespace jacnet::python
