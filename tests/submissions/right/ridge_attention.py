"""Right answers to Problem 4 of many kinds: each must earn every value check.

Each class is one submission's functions; an answer that is no function is a function of nothing
that returns it. `update_work` says how the work of its sherman_morrison grows with d, `causal_work`
that of its causal_ridge_attention, and `gradients` whether those pass: these alone decide the
checks of cost and of gradients.
"""

import numpy as np
import torch


class InverseAndJ:
    """What most people hand in: M^-1 and J, one head after another, vectors and outer products."""

    update_work = "square"
    causal_work = "square"
    gradients = True

    def running_mean(m, x_new, n):
        return (m * n + x_new) / (n + 1)

    def ridge_weights(X, y, lam):
        M = lam * torch.eye(X.shape[1], dtype=X.dtype)
        b = torch.zeros(X.shape[1], dtype=X.dtype)
        for x_i, y_i in zip(X, y):
            M = M + torch.outer(x_i, x_i)
            b = b + x_i * y_i
        return torch.linalg.inv(M) @ b

    def ridge_attention(Q, K, V, lam):
        KT = K.transpose(-2, -1)
        M = KT @ K + lam * torch.eye(K.shape[-1], dtype=K.dtype)
        return Q @ (torch.linalg.inv(M) @ (KT @ V))

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["keys", "values", "queries", "lam"]

    def sherman_morrison(M_inv, u, v):
        Mu = M_inv @ u
        vM = v @ M_inv
        return M_inv - torch.outer(Mu, vM) / (1 + torch.dot(v, Mu))

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        if Q.dim() > 2:
            heads = [causal_ridge_attention(q, k, v, lam) for q, k, v in zip(Q, K, V)]
            return torch.stack(heads)
        n, d = K.shape
        M_inv = torch.eye(d, dtype=K.dtype) / lam
        J = torch.zeros(d, V.shape[1], dtype=K.dtype)
        out = []
        for t in range(n):
            M_inv = sherman_morrison(M_inv, K[t], K[t])
            J = J + torch.outer(K[t], V[t])
            out.append((Q[t] @ M_inv) @ J)
        return torch.stack(out)

    def ridge_attention_weights(q, K, lam):
        M = K.T @ K + lam * torch.eye(K.shape[1], dtype=K.dtype)
        return torch.stack([q @ torch.linalg.inv(M) @ k for k in K])


class MultipliedOut:
    """The official solution's (19), with its dyad in two vectors; least squares of a longer matrix elsewhere."""

    update_work = "square"
    causal_work = "square"
    gradients = True

    def running_mean(m, x_new, n):
        return n / (n + 1) * m + x_new / (n + 1)

    def ridge_weights(X, y, lam):
        d = X.shape[1]
        longer = torch.cat([X, lam**0.5 * torch.eye(d, dtype=X.dtype)])
        return torch.linalg.lstsq(longer, torch.cat([y, y.new_zeros(d)])[:, None]).solution[:, 0]

    def ridge_attention(Q, K, V, lam):
        U, s, Vh = torch.linalg.svd(K, full_matrices=False)
        filtered = (s / (s**2 + lam)).unsqueeze(-1) * (U.mT @ V)
        return Q @ (Vh.mT @ filtered)

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ("lam", "keys", "values", "queries")

    def sherman_morrison(M_inv, u, v):
        numerator = (M_inv @ u[:, None]) @ (v[None, :] @ M_inv)
        return M_inv - numerator / (1 + (v[None, :] @ M_inv) @ u[:, None])

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        lead, (n, d), dv = K.shape[:-2], K.shape[-2:], V.shape[-1]
        P = (torch.eye(d, dtype=K.dtype) / lam).expand(*lead, d, d)
        J = K.new_zeros(*lead, d, dv)
        W = K.new_zeros(*lead, d, dv)
        out = []
        for t in range(n):
            q, k, v = Q[..., t, :], K[..., t, :], V[..., t, :]
            Pk = torch.einsum("...ij,...j->...i", P, k)
            u_a = Pk / (1 + (k * Pk).sum(-1, keepdim=True))
            u_b = torch.einsum("...i,...ij->...j", k, P)
            UJ = u_a[..., :, None] * torch.einsum("...j,...jk->...k", u_b, J)[..., None, :]
            Uk = u_a * (u_b * k).sum(-1, keepdim=True)
            W = W - UJ + Pk[..., :, None] * v[..., None, :] - Uk[..., :, None] * v[..., None, :]
            P = P - u_a[..., :, None] * u_b[..., None, :]
            J = J + k[..., :, None] * v[..., None, :]
            out.append(torch.einsum("...i,...ij->...j", q, W))
        return torch.stack(out, dim=-2)

    def ridge_attention_weights(q, K, lam):
        G = K @ K.T + lam * torch.eye(len(K), dtype=K.dtype)
        return torch.linalg.solve(G, K @ q)


class GainForm:
    """W by its surprise, all heads in one batch; solves with Cholesky factors elsewhere."""

    update_work = "square"
    causal_work = "square"
    gradients = True

    def running_mean(m, x_new, n):
        return m + (x_new - m) / (n + 1)

    def ridge_weights(X, y, lam):
        M = torch.einsum("ni,nj->ij", X, X) + lam * torch.eye(X.size(1), dtype=X.dtype)
        L = torch.linalg.cholesky(M)
        return torch.cholesky_solve((y @ X).unsqueeze(1), L).squeeze(1)

    def ridge_attention(Q, K, V, lam):
        M = K.mT @ K
        M.diagonal(dim1=-2, dim2=-1).add_(lam)
        return torch.cholesky_solve(Q.mT, torch.linalg.cholesky(M)).mT @ (K.mT @ V)

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["values", "lam", "keys", "queries"]

    def sherman_morrison(M_inv, u, v):
        gain = M_inv @ u / (1 + v @ M_inv @ u)
        return M_inv - gain[:, None] * (M_inv.T @ v)[None, :]

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        shape = V.shape
        Q, K, V = (a.reshape(-1, *a.shape[-2:]) for a in (Q, K, V))
        B, n, d = K.shape
        P = torch.eye(d, dtype=K.dtype, device=K.device).repeat(B, 1, 1) / lam
        W = torch.zeros(B, d, V.shape[-1], dtype=K.dtype, device=K.device)
        outputs = []
        for t in range(n):
            k = K[:, t, :, None]
            Pk = P @ k
            gain = Pk / (1 + k.transpose(1, 2) @ Pk)
            surprise = V[:, t, None, :] - k.transpose(1, 2) @ W
            W = W + gain @ surprise
            P = P - gain @ Pk.transpose(1, 2)
            outputs.append(torch.bmm(Q[:, t, None, :], W))
        return torch.cat(outputs, 1).reshape(shape)

    def ridge_attention_weights(q, K, lam):
        L = torch.linalg.cholesky(K.T @ K + lam * torch.eye(K.shape[1], dtype=K.dtype))
        halves = torch.linalg.solve_triangular(L, torch.cat([K.T, q[:, None]], 1), upper=False)
        return halves[:, :-1].T @ halves[:, -1]


class SumsAndSolves:
    """No loop over positions: all M_t and J_t at once, and one batched solve. Work d^3."""

    update_work = "cube"
    causal_work = "cube"
    gradients = True

    def running_mean(m, x_new, n):
        points = torch.cat([torch.as_tensor(m)[None]] * n + [torch.as_tensor(x_new)[None]])
        return points.mean(0) if n else x_new

    def ridge_weights(X, y, lam):
        return X.T @ torch.linalg.solve(X @ X.T + lam * torch.eye(len(X), dtype=X.dtype), y)

    def ridge_attention(Q, K, V, lam):
        gram = torch.einsum("...ni,...nj->...ij", K, K)
        cross = torch.einsum("...ni,...nj->...ij", K, V)
        W = torch.linalg.solve(gram + torch.diag(torch.full((K.shape[-1],), lam, dtype=K.dtype)), cross)
        return torch.einsum("...nd,...de->...ne", Q, W)

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["queries", "values", "lam", "keys", "lam"]

    def sherman_morrison(M_inv, u, v):
        return torch.linalg.inv(torch.linalg.inv(M_inv) + torch.outer(u, v))

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        eye = torch.eye(K.shape[-1], dtype=K.dtype)
        M = lam * eye + torch.cumsum(K.unsqueeze(-1) * K.unsqueeze(-2), dim=-3)
        J = torch.cumsum(K.unsqueeze(-1) * V.unsqueeze(-2), dim=-3)
        Mq = torch.linalg.solve(M, Q.unsqueeze(-1))
        return (Mq.mT @ J).squeeze(-2)

    def ridge_attention_weights(q, K, lam):
        return ridge_attention(q[None], K, torch.eye(len(K), dtype=K.dtype), lam)[0]


class InChunks:
    """Chunks of 16 positions, by Cholesky factors."""

    update_work = "square"
    causal_work = "square"
    gradients = True

    def running_mean(m, x_new, n):
        total = m * n
        total = total + x_new
        return total / (n + 1)

    def ridge_weights(X, y, lam):
        w = torch.zeros(X.shape[1], dtype=X.dtype)
        P = torch.eye(X.shape[1], dtype=X.dtype) / lam
        for x_i, y_i in zip(X, y):
            g = P @ x_i / (1 + x_i @ P @ x_i)
            w, P = w + g * (y_i - x_i @ w), P - torch.outer(g, P @ x_i)
        return w

    def ridge_attention(Q, K, V, lam):
        n, d = K.shape[-2:]
        if n < d:
            G = K @ K.mT + lam * torch.eye(n, dtype=K.dtype)
            return Q @ K.mT @ torch.linalg.solve(G, V)
        M = K.mT @ K + lam * torch.eye(d, dtype=K.dtype)
        return Q @ torch.linalg.solve(M, K.mT @ V)

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["keys", "lam", "queries", "values"]

    def sherman_morrison(M_inv, u, v):
        left, right = torch.mv(M_inv, u), torch.mv(M_inv.T, v)
        return torch.addr(M_inv, left, right, alpha=-1 / float(1 + torch.dot(v, left)))

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        C, d = 16, K.shape[-1]
        P = torch.eye(d, dtype=K.dtype) / lam
        W = 0 * K[..., :1, :].mT @ V[..., :1, :]
        outputs = []
        for start in range(0, K.shape[-2], C):
            q, k, v = (a[..., start : start + C, :] for a in (Q, K, V))
            G = k @ P @ k.mT + torch.eye(k.shape[-2], dtype=K.dtype)
            L = torch.linalg.cholesky(G)
            H = torch.linalg.solve_triangular(L, k @ P, upper=False)
            R = torch.linalg.solve_triangular(L, v - k @ W, upper=False)
            outputs.append(q @ W + (q @ H.mT).tril() @ R)
            P, W = P - H.mT @ H, W + H.mT @ R
        return torch.cat(outputs, dim=-2)

    def ridge_attention_weights(q, K, lam):
        P = torch.eye(K.shape[1], dtype=K.dtype) / lam
        for k in K:
            P = sherman_morrison(P, k, k)
        return K @ (P @ q)


class InNumPy:
    """Everything in NumPy and float64, handed back as arrays and tensors: no gradients."""

    update_work = "not counted"
    causal_work = "not counted"
    gradients = False

    def running_mean(m, x_new, n):
        m, x_new = np.asarray(m, dtype=np.float64), np.asarray(x_new, dtype=np.float64)
        return (m * n + x_new) / (n + 1)

    def ridge_weights(X, y, lam):
        X, y = X.numpy().astype(np.float64), y.numpy().astype(np.float64)
        return np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ y)

    def ridge_attention(Q, K, V, lam):
        Q, K, V = (a.detach().numpy().astype(np.float64) for a in (Q, K, V))
        KT = np.swapaxes(K, -1, -2)
        return torch.from_numpy(Q @ np.linalg.solve(lam * np.eye(K.shape[-1]) + KT @ K, KT @ V))

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["lam", "keys", "values", "queries"]

    def sherman_morrison(M_inv, u, v):
        M_inv, u, v = (np.asarray(a, dtype=np.float64) for a in (M_inv, u, v))
        return M_inv - np.outer(M_inv @ u, v @ M_inv) / (1.0 + v @ M_inv @ u)

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        Q, K, V = (a.detach().numpy().astype(np.float64) for a in (Q, K, V))
        lam = lam.item() if torch.is_tensor(lam) else lam
        P = np.broadcast_to(np.eye(K.shape[-1]) / lam, (*K.shape[:-2], *[K.shape[-1]] * 2))
        W, O = np.zeros((*K.shape[:-2], K.shape[-1], V.shape[-1])), np.zeros(V.shape)
        for t in range(K.shape[-2]):
            k, v = K[..., t : t + 1, :], V[..., t : t + 1, :]
            kP = k @ P
            gain = np.swapaxes(kP, -1, -2) / (1 + kP @ np.swapaxes(k, -1, -2))
            P, W = P - gain @ kP, W + gain @ (v - k @ W)
            O[..., t, :] = (Q[..., t : t + 1, :] @ W)[..., 0, :]
        return torch.from_numpy(O)

    def ridge_attention_weights(q, K, lam):
        q, K = q.numpy().astype(np.float64), K.numpy().astype(np.float64)
        return np.linalg.solve(lam * np.eye(len(K)) + K @ K.T, K @ q)


class OtherLayout:
    """float64 inside, positions in front, J as (dv, d); W is formed from P and J. Work d^3."""

    update_work = "square"
    causal_work = "cube"
    gradients = True

    def running_mean(m, x_new, n):
        return (torch.as_tensor(m).double() * n + x_new) / (n + 1)

    def ridge_weights(X, y, lam):
        X, y = X.double().T.contiguous(), y.double()
        return torch.linalg.pinv(lam * torch.eye(len(X), dtype=X.dtype) + X @ X.T, hermitian=True) @ X @ y

    def ridge_attention(Q, K, V, lam):
        K, V = K.double().mT, V.double().mT  # columns
        M = K @ K.mT + lam * torch.eye(K.shape[-2], dtype=torch.float64)
        return (V @ K.mT @ torch.linalg.inv(M) @ Q.double().mT).mT

    def cost_ridge_attention():
        return "O(nd^2)"

    def gradient_inputs():
        return ["lam", "queries", "keys", "values"]

    def sherman_morrison(M_inv, u, v):
        M_inv, u, v = M_inv.double(), u.double(), v.double()
        row = v @ M_inv
        column = torch.einsum("ij,j->i", M_inv, u) / (1 + row.dot(u))
        return torch.addr(M_inv, column, row, alpha=-1)

    def cost_sherman_morrison():
        return "O(d^2)"

    def causal_ridge_attention(Q, K, V, lam):
        Q, K, V = (a.double().movedim(-2, 0) for a in (Q, K, V))  # (n, ..)
        P = torch.eye(K.shape[-1], dtype=torch.float64) / lam
        J = 0  # (.., dv, d)
        out = torch.empty(0, *V.shape[1:], dtype=torch.float64)
        for q, k, v in zip(Q, K, V):
            kk = k[..., :, None] * k[..., None, :]
            P = P - P @ kk @ P / (1 + (k[..., None, :] @ P @ k[..., :, None]))
            J = J + v[..., :, None] * k[..., None, :]
            o = (J @ P) @ q[..., :, None]
            out = torch.cat([out, o[None, ..., 0]])
        return out.movedim(0, -2)

    def ridge_attention_weights(q, K, lam):
        K, q = K.double(), q.double()
        keys = torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, K.T)
        return q @ keys


SUBMISSIONS = (InverseAndJ, MultipliedOut, GainForm, SumsAndSolves, InChunks, InNumPy, OtherLayout)
