"""Wrong recurrences for a diagonal W (2f), each a mistake that is really made.

Each replaces `diag_unrolled_ssm_forward` in a submission, and nothing else. It uses its arguments
and torch, so its source can be pasted in a notebook. `fails` names the hidden checks that are lost
by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

DOUBLE = "q2f: each in double precision, inputs left alone"
LONG = "q2f: the recurrence with long memory, inputs left alone"
WORK = "q2f: the work of the recurrence grows like H"  # counted of right values only
RECURRENCE = ("q2f: the recurrence at any length", LONG, DOUBLE, WORK)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output uses W[0, 0] for every unit: each unit has its own entry W_ii",
    fails=RECURRENCE,
)
def one_entry_for_all_units(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W[0, 0] * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output equals the right one with b left out: is b added at every step?",
    fails=RECURRENCE,
)
def diagonal_bias_forgotten(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output has b added to each state that is returned, but not to the state that is carried "
    "on to the next step",
    fails=RECURRENCE,
)
def diagonal_bias_not_carried_on(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T
        states.append(h + b)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is what comes of adding b at the first step only: it belongs to every step",
    fails=RECURRENCE,
)
def diagonal_bias_at_first_step_only(W, U, b, x):
    h, states = b.expand(len(x), -1), []
    for t in range(x.shape[1]):
        h = (h if t == 0 else W.diagonal() * h) + x[:, t] @ U.T
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output decays the new input along with the state: U x_t + b enters after the "
    "multiplication by W",
    fails=RECURRENCE,
)
def input_decayed_too(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * (h + x_t @ U.T + b)
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output carries h on undecayed: W does not come in",
    fails=RECURRENCE,
)
def never_decays(W, U, b, x):
    return (x @ U.T + b).cumsum(1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is one step late: it begins with h_0 = 0, and h_1 is the first state asked for",
    fails=RECURRENCE,
)
def diagonal_stored_before_the_update(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        states.append(h)
        h = W.diagonal() * h + x_t @ U.T + b
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output never uses the first input: the loop seems to begin at the second one",
    fails=RECURRENCE,
)
def diagonal_first_input_skipped(W, U, b, x):
    h = x.new_zeros(len(x), x.shape[1], len(b))
    for t in range(1, x.shape[1]):
        h[:, t] = W.diagonal() * h[:, t - 1] + x[:, t] @ U.T + b
    return h


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is what comes of starting from a state of ones: h_0 is 0",
    fails=RECURRENCE,
)
def diagonal_starts_from_ones(W, U, b, x):
    h, states = x.new_ones(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "every step of your output is the last state: one tensor seems to be changed in place and "
    "stored T times, so store a copy",
    fails=RECURRENCE,
)
def diagonal_tensor_stored_T_times(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h[:] = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is right with its axes in the order (T, N, H): asked for is (N, T, H)",
    fails=RECURRENCE,
)
def diagonal_time_first(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is the last state only: all states h_1 to h_T are asked for",
    fails=RECURRENCE,
)
def diagonal_last_state_only(W, U, b, x):
    h = x.new_zeros(len(x), len(b))
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T + b
    return h


@mistake(
    "diag_unrolled_ssm_forward",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=RECURRENCE,
)
def diagonal_states_not_returned(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is right up to step 100 and then stays zero: does the loop run over all T steps?",
    fails=(LONG, DOUBLE),
)
def diagonal_stops_after_100_steps(W, U, b, x):
    h, state = x.new_zeros(len(x), x.shape[1], len(b)), x.new_zeros(len(x), len(b))
    for t in range(min(x.shape[1], 100)):
        state = W.diagonal() * state + x[:, t] @ U.T + b
        h[:, t] = state
    return h


@mistake(
    "diag_unrolled_ssm_forward",
    "the output is right, and a tensor of the caller's is changed by the call: torch's functions "
    "whose names end in _ work in place, the others do not",
    fails=(LONG, DOUBLE),
)
def diagonal_input_transposed_in_place(W, U, b, x):
    states, h = [], x.new_zeros(len(x), len(b))
    for x_t in x.transpose_(0, 1):
        h = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is right to about three digits: something in it is computed in half precision",
    fails=RECURRENCE,
)
def diagonal_half_precision(W, U, b, x):
    W, U, b, x = W.half(), U.half(), b.half(), x.half()
    h, states = x.new_zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = W.diagonal() * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output divides by powers of W_ii: those of 0 are 0, and those of small entries soon are, "
    "so it is NaN there; h = a * h + v, step by step, divides by nothing",
    fails=RECURRENCE,
)
def divided_by_powers(W, U, b, x):
    lags = torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]
    powers = W.diagonal() ** lags  # (T, H)
    return powers * torch.cumsum((x @ U.T + b) / powers, 1)
