#pragma once

#include <utility>
#include <variant>

#include "reelkeep/base/error.hpp"

namespace reelkeep {

/// A value or an Error; names as in std::expected, which g++ 12 lacks in C++20.
/// Reading the wrong side aborts: it is a defect of the caller.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : m_side(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : m_side(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return m_side.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

  const Error& error() const& {
    if (has_value()) abort_broken_invariant("error() of a Result that holds a value");
    return *std::get_if<1>(&m_side);
  }
  Error&& error() && { return std::move(const_cast<Error&>(std::as_const(*this).error())); }

 private:
  T& checked() {
    if (!has_value()) abort_broken_invariant(std::get_if<1>(&m_side)->message);
    return *std::get_if<0>(&m_side);
  }
  std::variant<T, Error> m_side;
};

/// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : m_error(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !m_error.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (m_error) abort_broken_invariant(m_error->message);
  }
  const Error& error() const& {
    if (!m_error) abort_broken_invariant("error() of a Result that holds success");
    return *m_error;
  }
  Error&& error() && { return std::move(const_cast<Error&>(std::as_const(*this).error())); }

 private:
  std::optional<Error> m_error;
};

using Status = Result<void>;

/// Hands an error to the caller: `if (auto s = f(); !s) return s.error();` in one line.
#define REELKEEP_TRY(expression) \
  REELKEEP_TRY_NAMED(expression, REELKEEP_JOIN(reelkeep_try_, __COUNTER__))
#define REELKEEP_TRY_NAMED(expression, name)                             \
  do {                                                                   \
    if (auto name = (expression); !name) return std::move(name).error(); \
  } while (false)

/// `REELKEEP_ASSIGN(auto file, open(path));` declares or assigns the value, or returns the error.
#define REELKEEP_ASSIGN(declaration, expression) \
  REELKEEP_ASSIGN_NAMED(declaration, (expression), REELKEEP_JOIN(reelkeep_result_, __COUNTER__))
#define REELKEEP_ASSIGN_NAMED(declaration, expression, name) \
  auto name = expression;                                    \
  if (!name) return std::move(name).error();                 \
  declaration = std::move(name).value()
#define REELKEEP_JOIN(a, b) REELKEEP_JOIN_NOW(a, b)
#define REELKEEP_JOIN_NOW(a, b) a##b

}  // namespace reelkeep
