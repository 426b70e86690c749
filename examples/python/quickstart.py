"""Train a network on 94 points and take the derivatives of its errors and its performance."""
# fmt: off
# ruff: noqa: E501

import jacnet as jn

x, t = jn.datasets.simplefit()                    # 1x94, 1x94
net = jn.feedforwardnet(10)
net, tr = jn.train(net, x, t, seed=0)             # Levenberg-Marquardt, 70/15/15 division, mapminmax, as MATLAB does it
y = net(x)
perf = jn.perform(net, t, y)
dwb = jn.defaultderiv("de_dwb", net, x, t)        # Jacobian of errors, 31 x 94
g   = jn.defaultderiv("dperf_dwb", net, x, t)     # gradient of performance, 31
H   = jn.hessian(net, x, t)                       # exact Hessian of performance, 31 x 31
print(net.layout)                                 # which row is which weight: the question every user asks first
