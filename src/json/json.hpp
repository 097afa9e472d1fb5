#pragma once

// Reading: json::parse() gives a json::Value. Writing: json::Writer.
#include "json/value.hpp"
#include "json/writer.hpp"
