// Two hashes side by side: whichever lane runs dry takes the next job.
#include <algorithm>

#include "kernels.h"

namespace paylink {
namespace {

// One MAC under way: the whole blocks of its message, then the padded rest, then the outer hash.
class Lane {
   public:
    bool busy() const { return job_ != nullptr; }
    std::size_t blocks() const { return blocks_; }
    const std::uint8_t* data() const { return data_; }
    State& state() { return state_.value; }

    void take(const Job& job) {
        job_ = &job;
        outer_ = false;
        state_.value = job.key->inner();
        data_ = job.message.data;
        blocks_ = job.message.size / kBlockSize;
        if (blocks_ == 0) {
            begin_rest();
        }
    }

    // Moves on by `count` blocks, which have been folded into the state.
    void advance(std::size_t count) {
        blocks_ -= count;
        data_ += count * kBlockSize;
        if (blocks_ != 0) {
            return;
        }
        if (outer_) {
            write_digest(state_.value, job_->mac);
            job_ = nullptr;
        } else if (in_rest_) {
            begin_outer();
        } else {
            begin_rest();
        }
    }

   private:
    void begin_rest() {
        const std::size_t size = job_->message.size;
        const std::size_t rest = size % kBlockSize;
        const std::uint8_t* const behind = rest == 0 ? nullptr : job_->message.data + size - rest;
        blocks_ = pad({behind, rest}, kBlockSize + size, tail_.value);
        data_ = tail_.value.data();
        in_rest_ = true;
    }

    void begin_outer() {
        Wiped<Digest> inner;
        write_digest(state_.value, inner.value.data());
        blocks_ = pad({inner.value.data(), kDigestSize}, kBlockSize + kDigestSize, tail_.value);
        data_ = tail_.value.data();
        state_.value = job_->key->outer();
        in_rest_ = false;
        outer_ = true;
    }

    const Job* job_ = nullptr;
    const std::uint8_t* data_ = nullptr;
    std::size_t blocks_ = 0;
    bool in_rest_ = false;
    bool outer_ = false;
    Wiped<State> state_;
    Wiped<Tail> tail_;
};

}  // namespace

void sign_in_lanes(const Engine& engine, const Job* jobs, std::size_t count) {
    const Job* const end = jobs + count;
    Lane one;
    Lane other;
    for (;;) {
        if (!one.busy() && jobs != end) {
            one.take(*jobs++);
        }
        if (engine.pair != nullptr && !other.busy() && jobs != end) {
            other.take(*jobs++);
        }
        if (one.busy() && other.busy()) {
            const std::size_t both = std::min(one.blocks(), other.blocks());
            engine.pair(one.state(), one.data(), other.state(), other.data(), both);
            one.advance(both);
            other.advance(both);
            continue;
        }
        if (!one.busy() && !other.busy()) {
            return;
        }
        Lane& last = one.busy() ? one : other;
        engine.compress(last.state(), last.data(), last.blocks());
        last.advance(last.blocks());
    }
}

}  // namespace paylink
