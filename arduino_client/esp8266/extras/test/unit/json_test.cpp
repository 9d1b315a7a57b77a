// The strict reader, and the writer.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ArduinoJson.h"
#include "check.h"
#include "internal/json_document.h"
#include "internal/json_reader.h"
#include "internal/text_writer.h"
#include "test_control.h"

using namespace smserver;

static bool valid(const std::string& text) {
  // A copy of just this size, so that a step too far is found.
  const std::vector<char> exact(text.begin(), text.end());
  return isJson(exact.data(), exact.size());
}

TEST_CASE("what is JSON is taken") {
  for (const char* text :
       {"{}", "[]", "0", "-0", "12.5e-3", "1E+2", "true", "false", "null",
        "\"\"", " {\"a\" : [1, {\"b\":null}] }\r\n\t",
        "\"\\u00e4\\uD83D\\uDE00\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"", "\"\x7F\"",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"}) {
    CHECK_MESSAGE(valid(text), text);
  }
}

TEST_CASE("what is not JSON is not") {
  for (const std::string& text : std::vector<std::string>{
           "", " ", "{", "}", "{]", "[}", "{}}", "{} x", "{}{}", "[1,]", "[,]",
           "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
           "'a'", "01", "1.", ".5", "+1", "1e", "1e+", "-", "0x10", "NaN",
           "Infinity", "tru", "truex", "nul", "\"", "\"\\\"", "\"\\x\"",
           "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", std::string("\"a\0b\"", 5),
           "/**/1", "//\n1", "\"\\uD800\"", "\"\\uDC00\"", "\"\\uD800\\u0041\"",
           "\"\\uD800x\"",
           // UTF-8: cut, overlong, surrogate, beyond the last character
           "\"\xC3\"", "\"\xC3x\"", "\"\xE2\x82\"", "\"\xC0\xAF\"",
           "\"\xC1\x81\"", "\"\xE0\x80\xAF\"", "\"\xED\xA0\x80\"",
           "\"\xF0\x80\x80\x80\"", "\"\xF4\x90\x80\x80\"",
           "\"\xF5\x80\x80\x80\"", "\"\xFF\"", "\"\x80\"", "\xEF\xBB\xBF{}",
           "[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]"}) {
    CHECK_MESSAGE(!valid(text), text);
  }
}

TEST_CASE("random changes to JSON are judged as by another parser") {
  fake::Uncounted scope;
  const std::string seeds[] = {
      R"({"c":"OK","t":"aa.bb","u":"id.1","x":1209600,"n":1795444532})",
      R"([1,-2.5e+3,true,false,null,{"k":"\u00e4\n"},[]])",
      "{\"temp\":{\"u\":\"\xC2\xB0"
      "C\",\"k\":\"\xE2\x82\xAC\"}}"};
  const char alphabet[] =
      "{}[]\",:\\ue0123456789.-+ntrfals \t\n\xC3\xA4\xE2\xED\x80";
  uint32_t state = 1;
  const auto next = [&](size_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  int good = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text = seeds[next(3)];
    for (size_t changes = 1 + next(3); changes > 0; --changes) {
      const size_t at = next(text.size());
      const char c = alphabet[next(sizeof alphabet - 1)];
      switch (next(3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1);
      }
    }
    // Numbers beyond a double are JSON, but not to the other parser.
    bool huge = false;
    for (size_t e = text.find_first_of("eE"); e != std::string::npos;
         e = text.find_first_of("eE", e + 1)) {
      huge = huge || text.find_first_not_of("0123456789", e + 1) > e + 3;
    }
    if (huge) continue;
    const bool other = nlohmann::json::accept(text);
    good += other ? 1 : 0;
    REQUIRE_MESSAGE(valid(text) == other, text);
  }
  CHECK(good > 1000);
}

TEST_CASE("members are walked over, and read as what they are") {
  const std::string text =
      R"( {"a":"x\u0041\n","n":4294967295,"big":4294967296,"neg":-1,"f":1.5,)"
      R"("o":{"a":"inner"},"longername":1,"a\u0062":"escaped key","nul":"\u0000",)"
      R"("list":["one","two","\u0033"],"e":[],"z":null} )";
  JsonReader reader(text.data(), text.size());
  char out[16];
  uint32_t number = 7;
  int seen = 0;
  while (reader.next()) {
    ++seen;
    if (reader.is("a")) {
      CHECK(reader.string(out, sizeof out));
      CHECK(std::string(out) == "xA\n");
      CHECK(!reader.string(out, 3));  // with the NUL it has four
      CHECK(out[0] == '\0');
      CHECK(!reader.number(&number));
    } else if (reader.is("n")) {
      CHECK(reader.number(&number));
      CHECK(number == 4294967295u);
      CHECK(!reader.string(out, sizeof out));
    } else if (reader.is("big") || reader.is("neg") || reader.is("f")) {
      CHECK(!reader.number(&number));
    } else if (reader.is("o")) {
      CHECK(std::string(reader.value(), reader.valueBytes()) ==
            R"({"a":"inner"})");
    } else if (reader.is("ab")) {
      CHECK(reader.string(out, sizeof out));
      CHECK(std::string(out) == "escaped key");
    } else if (reader.is("nul")) {
      CHECK(!reader.string(out, sizeof out));
    } else if (reader.is("list")) {
      const char* from = nullptr;
      for (const char* wanted : {"one", "two", "3"}) {
        CHECK(reader.element(&from, out, sizeof out));
        CHECK(std::string(out) == wanted);
      }
      CHECK(!reader.element(&from, out, sizeof out));
    } else if (reader.is("e")) {
      const char* from = nullptr;
      CHECK(!reader.element(&from, out, sizeof out));
    } else if (reader.is("z")) {
      CHECK(reader.isNull());
    } else {
      CHECK(!reader.is("longername"));  // longer than any that is looked for
    }
  }
  CHECK(reader.valid());
  CHECK(seen == 12);
  CHECK(number == 4294967295u);
  for (const char* bad :
       {"[]", "1", "", "{\"a\":1} x", "{\"a\":1", "{\"a\":1,}"}) {
    JsonReader broken(bad, strlen(bad));
    while (broken.next()) {
    }
    CHECK_MESSAGE(!broken.valid(), bad);
    CHECK(!broken.next());
  }
}

TEST_CASE("what the writer quotes, the reader reads") {
  char buffer[64];
  TextWriter out(buffer, sizeof buffer);
  out.put('{')
      .quoted("k\"\\\x01\x1F\n")
      .put(':')
      .put('"')
      .put(F("\xC3\xA4"))
      .put('"')
      .put('}');
  CHECK(std::string(out.text(), out.length()) ==
        "{\"k\\\"\\\\\\u0001\\u001f\\u000a\":\"\xC3\xA4\"}");
  CHECK(isJson(out.text(), out.length()));
  CHECK(out.terminate());
  char small[6];
  TextWriter tight(small, sizeof small);
  tight.put("abc").number(4294967295u);
  CHECK(tight.overflowed());
  CHECK(tight.length() == 3);
  tight.put('d');  // all or nothing from there on
  CHECK(tight.length() == 3);
  tight.cut(3);
  tight.number(0).put("e").put('f');
  CHECK(std::string(small, tight.length()) == "abc0ef");
  CHECK(!tight.terminate());
}

// What a document holds that was made of this text, as text again.
static std::string documented(const std::string& text) {
  fake::Uncounted scope;
  JsonDocument doc;
  if (!parseDocument(text.data(), text.size(), &doc)) return "none";
  std::string out(writeDocument(doc, nullptr, 0), ' ');
  writeDocument(doc, out.data(), out.size());
  return out;
}

TEST_CASE("a document holds what its text says") {
  for (const char* text : {"{}",
                           "[]",
                           "true",
                           "false",
                           "null",
                           "0",
                           "-7",
                           "4294967296",
                           "9223372036854775807",
                           "-9223372036854775807",
                           "1.5",
                           "-0.25",
                           "1e+20",
                           "2.5e-05",
                           "123456.789",
                           R"("")",
                           R"("a b")",
                           R"({"on":true})",
                           R"([1,[2,[]],{"a":{"b":[null]}},"x"])",
                           R"({"":0,"a":[],"b":{},"c":"\"\\"})",
                           "[[[[[[[[[[1]]]]]]]]]]"}) {
    CHECK(documented(text) == text);
  }
  CHECK(documented(" { \"a\" :\t[ 1 , 2 ]\r\n} ") == R"({"a":[1,2]})");
  CHECK(documented(R"(["\u00e4\ud83d\ude00\/\n"])") ==
        "[\"\xC3\xA4\xF0\x9F\x98\x80/\\n\"]");
  CHECK(documented(R"("a\u0000b")") == R"("a\u0000b")");
  CHECK(documented(R"({"a":1,"b":2,"a":[3]})") == R"({"a":[3],"b":2})");
  // Nobody means more than ten levels.
  CHECK(documented("[[[[[[[[[[[1]]]]]]]]]]]") == "none");
}

TEST_CASE("numbers of a document") {
  const auto number = [](const std::string& text) {
    fake::Uncounted scope;
    JsonDocument doc;
    REQUIRE(parseDocument(text.data(), text.size(), &doc));
    return static_cast<const nlohmann::json*>(doc.root())->get<double>();
  };
  for (const char* text :
       {"0.1", "3.14159265358979", "1e22", "1E-22", "-1.25e+2", "0e999",
        "1e-999", "18446744073709551615", "123456789012345678901234567890",
        "0.000000000000000000000000000001", "1.7e308"}) {
    CHECK_MESSAGE(number(text) == doctest::Approx(strtod(text, nullptr)), text);
  }
  CHECK(std::isinf(number("1e999")));
  CHECK(number("0.1") == 0.1);
  // Exact where the digits and the power are.
  CHECK(number("9007199254740991e22") == 9007199254740991e22);
  CHECK(number("2.2250738585072014e-290") != 0);
}

TEST_CASE("a document that memory is out for is none") {
  const std::string text = R"({"a":[1,"two"],"b":{"c":true}})";
  int tries = 0;
  for (bool good = false; !good; ++tries) {
    JsonDocument doc;
    fake::heap.failAt = tries;
    good = parseDocument(text.data(), text.size(), &doc);
    if (fake::heap.failAt == -1) CHECK(!good);
    fake::heap.failAt = -1;
  }
  CHECK(tries > 5);
  fake::heap = fake::Heap();
}
