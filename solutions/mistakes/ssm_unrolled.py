"""Wrong SSM recurrences (2a), each a mistake that is really made.

Each replaces `unrolled_ssm_forward` in a submission, and nothing else. It uses its arguments and
torch, so its source can be pasted in a notebook. `fails` names the hidden checks that are lost by
it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ANY = "q2a: right at any length"
LONG = "q2a: long memory, inputs left alone"
LATER_STEPS = (ANY, LONG)
ALL_STEPS = ("q2a: the first step", ANY, LONG)


@mistake(
    "unrolled_ssm_forward",
    "your output equals the right one with b left out: is b added at every step?",
    fails=ALL_STEPS,
)
def bias_forgotten(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is right except where there are as many units as inputs: there U is transposed, "
    "since a transpose fits too",
    fails=(ANY,),
)
def square_U_transposed(W, U, b, x):
    U = U.T if len(U) == U.shape[1] else U
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is what comes of adding b at the first step only: it belongs to every step",
    fails=LATER_STEPS,
)
def bias_at_first_step_only(W, U, b, x):
    h, states = b.expand(len(x), -1), []
    for t in range(x.shape[1]):
        h = (h if t == 0 else h @ W.T) + x[:, t] @ U.T
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is what comes of adding b from the second step on: the first state has it too",
    fails=ALL_STEPS,
)
def bias_from_second_step(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + (b if t > 0 else 0)
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output has b added to each state that is returned, but not to the state that is carried "
    "on to the next step",
    fails=LATER_STEPS,
)
def bias_not_carried_on(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T
        states.append(h + b)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output equals the right one for W transposed: on which side of W do rows of states go?",
    fails=LATER_STEPS,
)
def W_transposed(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is what comes of reshaping U from (H, D) to (D, H): that reorders its entries, "
    "where a transpose is meant",
    fails=ALL_STEPS,
)
def U_reshaped(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.reshape(U.shape[1], U.shape[0]) + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is one step late: it begins with h_0 = 0, and h_1 is the first state asked for",
    fails=ALL_STEPS,
)
def stored_before_the_update(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        states.append(h)
        h = h @ W.T + x_t @ U.T + b
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output never uses the first input: the loop seems to begin at the second one",
    fails=ALL_STEPS,
)
def first_input_skipped(W, U, b, x):
    h = torch.zeros(len(x), x.shape[1], len(b))
    for t in range(1, x.shape[1]):
        h[:, t] = h[:, t - 1] @ W.T + x[:, t] @ U.T + b
    return h


@mistake(
    "unrolled_ssm_forward",
    "your output is what comes of starting from a state of ones: h_0 is 0",
    fails=ALL_STEPS,
)
def starts_from_ones(W, U, b, x):
    h, states = torch.ones(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "each sequence seems to start from the last state of the one before it: every sequence starts "
    "from h_0 = 0",
    fails=ALL_STEPS,
)
def state_kept_between_sequences(W, U, b, x):
    h, sequences = torch.zeros(len(b)), []
    for sequence in x:
        states = []
        for x_t in sequence:
            h = W @ h + U @ x_t + b
            states.append(h)
        sequences.append(torch.stack(states))
    return torch.stack(sequences)


@mistake(
    "unrolled_ssm_forward",
    "every step of your output is the last state: one tensor seems to be changed in place and "
    "stored T times, so store a copy",
    fails=LATER_STEPS,
)
def one_tensor_stored_T_times(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h[:] = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output uses only the diagonal of W: W h is a matrix product",
    fails=LATER_STEPS,
)
def only_the_diagonal_of_W(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h * W.diagonal() + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output uses W[0, 0] alone: W is a full matrix",
    fails=LATER_STEPS,
)
def only_one_entry_of_W(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h * W[0, 0] + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output has a tanh in it, as a recurrent network would: this model is linear",
    fails=ALL_STEPS,
)
def tanh_as_in_a_recurrent_network(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = torch.tanh(h @ W.T + x_t @ U.T + b)
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is right with its axes in the order (T, N, H): asked for is (N, T, H)",
    fails=ALL_STEPS,
)
def time_first(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states)


@mistake(
    "unrolled_ssm_forward",
    "your output is the last state only: all states h_1 to h_T are asked for",
    fails=ALL_STEPS,
)
def last_state_only(W, U, b, x):
    h = torch.zeros(len(x), len(b))
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
    return h


@mistake(
    "unrolled_ssm_forward",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=ALL_STEPS,
)
def not_returned(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    torch.stack(states, 1)


# Before the next: its result is right, and half precision is nearly right.
@mistake(
    "unrolled_ssm_forward",
    "the output is right, and a tensor of the caller's is changed by the call: torch's functions "
    "whose names end in _ work in place, the others do not",
    fails=(LONG,),
)
def input_transposed_in_place(W, U, b, x):
    h, states = x.new_zeros(x.shape[0], len(b)), []
    for x_t in x.transpose_(0, 1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is right to about three digits: something in it is computed in half precision",
    fails=ALL_STEPS,
)
def half_precision(W, U, b, x):
    W, U, b, x = W.half(), U.half(), b.half(), x.half()
    h, states = torch.zeros(len(x), len(b), dtype=torch.half), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is right up to step 100 and then stays zero: does the loop run over all T steps?",
    fails=(LONG,),
)
def stops_after_100_steps(W, U, b, x):
    h = torch.zeros(len(x), x.shape[1], len(b))
    state = torch.zeros(len(x), len(b))
    for t in range(min(x.shape[1], 100)):
        state = state @ W.T + x[:, t] @ U.T + b
        h[:, t] = state
    return h
