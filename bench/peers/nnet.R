# Answers one line per command on standard input: version, prepare, result, time.
has_nnet <- suppressWarnings(require(nnet, quietly = TRUE))
input <- file("stdin", "r")
reply <- function(...) { cat(..., "\n", sep = ""); flush(stdout()) }
hessian <- function() nnetHess(net, x, t)

while (length(line <- readLines(input, n = 1)) > 0) {
    words <- strsplit(line, " ")[[1]]
    if (words[1] == "version") {
        reply(if (has_nnet) as.character(packageVersion("nnet")) else "")
    } else if (words[1] == "prepare") {
        n <- as.integer(words[3:6])  # inputs, hidden, outputs, samples
        p <- n[2] * (n[1] + 1) + n[3] * (n[2] + 1)
        values <- readBin(words[2], "double", p + (n[1] + n[3]) * n[4])
        x <- matrix(values[p + seq_len(n[1] * n[4])], n[4])
        t <- matrix(values[p + n[1] * n[4] + seq_len(n[3] * n[4])], n[4])
        net <- nnet(x, t, size = n[2], linout = TRUE, Wts = values[seq_len(p)], maxit = 0,
                    MaxNWts = p, trace = FALSE)
        net$wts <- values[seq_len(p)]
        reply("ready")
    } else if (words[1] == "result") {
        writeBin(as.vector(hessian()), words[2])
        reply("written")
    } else if (words[1] == "time") {
        start <- Sys.time()
        for (i in seq_len(as.integer(words[2]))) hessian()
        reply(format(as.numeric(difftime(Sys.time(), start, units = "secs")), digits = 12))
    }
}
