// The next token from the scores of all, as topologies/sampling.py draws it of the same random numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "functions.hpp"
#include "panels.hpp"
#include "recurra.h"

namespace recurra {

class Drawing {
 public:
  static constexpr int64_t UNDECIDED = -1;

  explicit Drawing(const recurra_writing& how)
      : how_(how), count_(how.vocabulary), forbidden_(how.forbidden, how.forbidden + how.vocabulary),
        written_(how.written, how.written + how.vocabulary), scores_(size_t(padded<float>(count_))), values_(scores_.size()) {}

  // A token, of waits [vocabulary] from an exponential distribution. UNDECIDED: scores that are no numbers, or a wait of 0
  // where nothing may be drawn.
  int64_t draw(const float* scores, const float* waits) {
    for (int64_t i = 0; i < count_; i++) scores_[size_t(i)] = forbidden_[size_t(i)] ? -LARGEST : scores[i];
    const int64_t best = largest(scores_);
    if (!std::isfinite(scores_[size_t(best)])) return UNDECIDED;
    const bool remembers = how_.repetition_penalty != 1;
    if (remembers) penalise(scores_[size_t(best)]);
    const int64_t found = how_.temperature == 0 ? (remembers ? largest(scores_) : best) : free() ? of_all(waits) : of_some(waits);
    if (found >= 0) written_[size_t(found)] = 1;
    return found;
  }

 private:
  static constexpr float LARGEST = std::numeric_limits<float>::infinity();

  bool free() const { return how_.top_k >= count_ && how_.top_p >= 1 && !how_.filtered; }

  // The first of the largest, a NaN if there is one.
  int64_t largest(const std::vector<float>& of) const {
    int64_t best = 0;
    for (int64_t i = 1; i < count_ && of[size_t(best)] == of[size_t(best)]; i++)
      if (!(of[size_t(i)] <= of[size_t(best)])) best = i;
    return best;
  }

  // p(w) becomes proportional to p(w)^penalty for what was written
  void penalise(float top) {
    double sum = 0;
    for (int64_t i = 0; i < count_; i++) sum += std::exp(double(scores_[size_t(i)]) - double(top));
    const double all = double(top) + std::log(sum);
    for (int64_t i = 0; i < count_; i++) {
      const double known = double(scores_[size_t(i)]) - all;
      scores_[size_t(i)] = float(written_[size_t(i)] ? known * how_.repetition_penalty : known);
    }
  }

  int64_t of_all(const float* waits) {
    const float temperature = float(how_.temperature);
    std::copy_n(waits, count_, values_.begin());
    for (size_t i = 0; i < values_.size(); i += LANES<float>)
      store(&values_[i], load(&scores_[i]) / temperature - log<float>(load(&values_[i])));
    const int64_t found = largest(values_);
    return std::isfinite(scores_[size_t(found)]) ? found : UNDECIDED;
  }

  int64_t of_some(const float* waits) {
    chances_.resize(size_t(count_));
    order_.resize(size_t(count_));
    std::iota(order_.begin(), order_.end(), int64_t(0));
    const double top = double(scores_[size_t(largest(scores_))]);
    for (int64_t i = 0; i < count_; i++) chances_[size_t(i)] = (double(scores_[size_t(i)]) - top) / how_.temperature;
    const auto before = [this](int64_t a, int64_t b) {
      const double of_a = chances_[size_t(a)], of_b = chances_[size_t(b)];
      return of_a > of_b || (of_a == of_b && a < b);
    };
    if (how_.top_k < count_) {
      std::nth_element(order_.begin(), order_.begin() + how_.top_k, order_.end(), before);
      order_.resize(size_t(how_.top_k));
    }
    std::sort(order_.begin(), how_.top_p < 1 ? order_.end() : order_.begin(), before);
    double sum = 0;
    for (int64_t i : order_) sum += chances_[size_t(i)] = std::exp(chances_[size_t(i)]);
    if (how_.top_p < 1) {
      double reached = 0;
      size_t kept = 0;
      while (kept < order_.size() && (kept == 0 || reached < how_.top_p)) reached += chances_[size_t(order_[kept++])] / sum;
      order_.resize(kept);
      sum *= reached;
    }
    int64_t found = UNDECIDED;
    float best = 0;
    for (int64_t i : order_) {
      const float value = float(chances_[size_t(i)] / sum) / waits[i];
      if (value > best || (value == best && value > 0 && i < found)) {
        best = value;
        found = i;
      }
    }
    return found;
  }

  recurra_writing how_;  // its pointers may be gone
  int64_t count_;
  std::vector<uint8_t> forbidden_, written_;
  std::vector<float> scores_, values_;
  std::vector<double> chances_;
  std::vector<int64_t> order_;
};

}  // namespace recurra
