#include "own_loss.hpp"

#include "words.hpp"

namespace jacnet::python {

namespace {

[[noreturn]] void refuse_shape(const char* name, const py::array& array, const std::string& due) {
    throw py::value_error(
        text("with_loss: ", name, " has shape ", shape_text(array), ", expected ", due));
}

}  // namespace

OwnLoss::OwnLoss(py::handle dloss, py::handle d2loss, index_t n_outputs, index_t n_samples)
    : s_(n_outputs), q_(n_samples) {
    take_slope(dloss);
    if (!d2loss.is_none()) take_curvature(d2loss);
}

std::string OwnLoss::due() const { return shape_text({s_, q_}); }

void OwnLoss::take_slope(py::handle dloss) {
    const py::array slope = doubles(dloss, {"with_loss", "dloss"});
    if (slope.ndim() != 2) refuse_shape("dloss", slope, due() + ", as the outputs");
    view_.slope = matrix(slope);
    arrays_.push_back(slope);
}

void OwnLoss::take_curvature(py::handle d2loss) {
    const py::array curvature = doubles(d2loss, {"with_loss", "d2loss"});
    const auto has_shape = [&](const std::vector<index_t>& shape) {
        return std::equal(shape.begin(), shape.end(), curvature.shape(),
                          curvature.shape() + curvature.ndim());
    };
    view_.diagonal = has_shape({s_, q_});
    if (!view_.diagonal && !has_shape({q_, s_, s_})) {
        refuse_shape("d2loss", curvature,
                     text(shape_text({q_, s_, s_}), ", samples first, or ", due(),
                          " where the outputs do not mix"));
    }
    view_.curvature = static_cast<const double*>(curvature.data());
    const auto stride = [&](int axis) {
        return curvature.strides(axis) / static_cast<index_t>(sizeof(double));
    };
    if (view_.diagonal) {
        view_.strides[0] = stride(1);
        view_.strides[1] = stride(0);
    } else {
        for (int axis = 0; axis < 3; ++axis) view_.strides[axis] = stride(axis);
    }
    arrays_.push_back(curvature);
}

}  // namespace jacnet::python
