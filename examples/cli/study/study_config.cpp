// SPDX-License-Identifier: MIT

#include "study_config.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <toml++/toml.h>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/io/file.hpp>
#include <lift/io/json_file.hpp>

#include "../given_levels.hpp"

namespace lift::cli {
namespace {

/// A table of the file, whose keys are asked for one by one; what nothing asked for is unknown.
class reader {
 public:
  reader(const toml::table& table, std::string file, std::string name)
      : table_(table), file_(std::move(file)), name_(std::move(name)) {}

  const std::string& file() const { return file_; }

  std::string where(const toml::node& node) const {
    return text(file_, ":", node.source().begin.line);
  }
  std::string where() const { return where(table_); }

  [[noreturn]] void fail(const toml::node& node, const std::string& key,
                         const std::string& want) const {
    throw error(text(where(node), ": ", full(key), ": got ", kind_of(node), ", want ", want));
  }

  const toml::node* find(const std::string& key) {
    asked_.insert(key);
    return table_.get(key);
  }
  const toml::node& need(const std::string& key) {
    const toml::node* const node = find(key);
    if (!node) throw error(text(where(), ": ", full(key), " is missing"));
    return *node;
  }

  std::string string(const std::string& key) { return to_string(need(key), key); }
  std::string string(const std::string& key, const std::string& otherwise) {
    const toml::node* const node = find(key);
    return node ? to_string(*node, key) : otherwise;
  }
  std::size_t number(const std::string& key) { return to_number(need(key), key, 1); }
  std::size_t number(const std::string& key, std::size_t otherwise) {
    const toml::node* const node = find(key);
    return node ? to_number(*node, key, 1) : otherwise;
  }
  bool boolean(const std::string& key, bool otherwise) {
    const toml::node* const node = find(key);
    if (!node) return otherwise;
    if (!node->is_boolean()) fail(*node, key, "true or false");
    return **node->as_boolean();
  }
  /// Throws lift::error where a list has a value twice.
  template <class Value>
  std::vector<Value> distinct(const std::string& key, std::vector<Value> values) const {
    std::set<Value> seen;
    for (const Value& value : values)
      if (!seen.insert(value).second)
        throw error(text(where(*table_.get(key)), ": ", full(key), ": got ", value,
                         " twice, want it once"));
    return values;
  }
  template <class Number>
  std::vector<Number> numbers(const std::string& key, std::vector<Number> otherwise, Number least) {
    return distinct(key, list<Number>(key, otherwise, [&](const toml::node& node) {
                      return static_cast<Number>(to_number(node, key, least));
                    }));
  }
  std::vector<std::string> strings(const std::string& key,
                                   const std::vector<std::string>& otherwise) {
    return distinct(key, list<std::string>(key, otherwise, [&](const toml::node& node) {
                      return to_string(node, key);
                    }));
  }
  std::vector<double> reals(const std::string& key) {
    need(key);
    return list<double>(key, {}, [&](const toml::node& node) {
      if (!node.is_number()) fail(node, key, "numbers");
      return *node.value<double>();
    });
  }

  /// Calls visit(table, its name) for each table of an array of tables.
  template <class Visit>
  void each_of_array(const std::string& key, const Visit& visit) {
    const toml::node* const node = find(key);
    if (!node) return;
    if (!node->is_array_of_tables()) fail(*node, key, text("tables, [[", full(key), "]]"));
    for (const toml::node& part : *node->as_array()) {
      reader inner(*part.as_table(), file_, full(key));
      visit(inner);
      inner.finish();
    }
  }
  const toml::table* section(const std::string& key) {
    const toml::node* const node = find(key);
    if (node && !node->is_table()) fail(*node, key, text("a table, [", full(key), "]"));
    return node ? node->as_table() : nullptr;
  }

  /// Throws lift::error for a key that nothing asked for.
  void finish() const {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string(key.str())))
        throw error(text(where(node), ": unknown key ", full(std::string(key.str())),
                         ", want one of ", known()));
  }

  std::string full(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }
  static std::string kind_of(const toml::node& node) {
    if (const auto* s = node.as_string()) return quote_name(**s);
    if (const auto* n = node.as_integer()) return text(**n);
    if (const auto* x = node.as_floating_point()) return text(**x);
    if (const auto* b = node.as_boolean()) return **b ? "true" : "false";
    return node.is_array() ? "an array" : node.is_table() ? "a table" : "a date or time";
  }
  std::string to_string(const toml::node& node, const std::string& key) const {
    const auto* const value = node.as_string();
    if (!value) fail(node, key, "a string");
    return **value;
  }
  std::size_t to_number(const toml::node& node, const std::string& key, std::uint64_t least) const {
    const auto* const value = node.as_integer();
    if (!value || **value < static_cast<std::int64_t>(least) || **value > 1'000'000'000)
      fail(node, key, text("a whole number from ", least, " to 1000000000"));
    return static_cast<std::size_t>(**value);
  }

 private:
  template <class Value, class Convert>
  std::vector<Value> list(const std::string& key, const std::vector<Value>& otherwise,
                          const Convert& convert) {
    const toml::node* const node = find(key);
    if (!node) return otherwise;
    std::vector<Value> result;
    if (const toml::array* const array = node->as_array()) {
      for (const toml::node& part : *array) result.push_back(convert(part));
      if (result.empty()) throw error(text(where(*node), ": ", full(key), ": want at least one"));
    } else {
      result.push_back(convert(*node));
    }
    return result;
  }
  std::string known() const {
    std::string all;
    for (const std::string& key : asked_) all += (all.empty() ? "" : ", ") + key;
    return all;
  }

  const toml::table& table_;
  std::string file_, name_;
  std::set<std::string> asked_;
};

std::string plain_text(const reader& in, const toml::node& node, const std::string& key) {
  if (const auto* s = node.as_string()) return **s;
  if (const auto* n = node.as_integer()) return std::to_string(**n);
  if (const auto* x = node.as_floating_point()) return json_text(nlohmann::json(**x));
  in.fail(node, key, "a string, a number, true, or an array of these");
}

made_file made_file_of(const toml::table& table, const std::string& file, const std::string& key) {
  reader in(table, file, key);
  made_file result{
      .model = in.string("model"), .epoch = in.number("epoch", 0), .path = in.string("path", "")};
  if (!result.path.empty()) result.steps = in.number("steps");
  in.finish();
  return result;
}

/// Every key of a table as a flag.
std::vector<flag> flags_of(const toml::table& table, const std::string& file,
                           const std::string& name) {
  const reader in(table, file, name);
  std::vector<flag> result;
  for (const auto& [key, node] : table) {
    flag f{std::string(key.str()), true, in.where(node)};
    if (f.name.empty() ||
        f.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos ||
        f.name[0] == '-')
      throw error(
          text(f.where, ": ", in.full(f.name), ": want the name of a flag without its dashes"));
    if (const auto* const made = node.as_table()) {
      f.value = made_file_of(*made, file, in.full(f.name));
    } else if (const auto* const parts = node.as_array()) {
      std::string all;
      for (const toml::node& part : *parts)
        all += (all.empty() ? "" : ",") + plain_text(in, part, f.name);
      f.value = all;
    } else if (const auto* const b = node.as_boolean()) {
      if (!**b) continue;  // as if it was not given
    } else {
      f.value = plain_text(in, node, f.name);
    }
    result.push_back(std::move(f));
  }
  return result;
}

/// The tables in a table, such as [models.NAME]; their names become names of files.
std::vector<named_flags> named_flags_of(reader& in, const std::string& key) {
  std::vector<named_flags> result;
  const toml::table* const all = in.section(key);
  if (!all) return result;
  for (const auto& [name, node] : *all) {
    const std::string called(name.str());
    const std::string where = in.where(node);
    if (called.empty() || called.size() > 64 || called[0] == '.' || called[0] == '-' ||
        called.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
            std::string::npos)
      throw error(
          text(where, ": name in ", key, ": got ", quote_name(called),
               ", want at most 64 letters, digits, '_', '-' and '.', the first no '-' or '.'"));
    if (!node.is_table()) in.fail(node, text(key, ".", called), "a table of flags");
    result.push_back(
        {called, flags_of(*node.as_table(), in.file(), text(key, ".", called)), where});
  }
  // As they stand in the file; the parser sorts them by name.
  std::ranges::stable_sort(
      result, {}, [&](const named_flags& n) { return all->get(n.name)->source().begin.line; });
  return result;
}

std::vector<std::string> names_of(const std::vector<named_flags>& all) {
  std::vector<std::string> names;
  for (const named_flags& n : all) names.push_back(n.name);
  return names;
}

/// Throws lift::error unless all names are known.
void require_known(const std::vector<std::string>& names, const std::vector<named_flags>& all,
                   const std::string& where, const std::string& what) {
  for (const std::string& name : names)
    if (std::ranges::find(all, name, &named_flags::name) == all.end()) {
      std::string known;
      for (const named_flags& n : all) known += (known.empty() ? "" : ", ") + n.name;
      throw error(text(where, ": ", what, ": got ", quote_name(name), ", want one of ", known));
    }
}

/// A model for each of the seeds that a model is trained with, or that model.
std::vector<named_flags> trainings_of(const named_flags& model) {
  const auto seed = std::ranges::find(model.flags, "seed", &flag::name);
  const std::string seeds = seed == model.flags.end() ? "" : flag_text(*seed);
  if (seeds.find(',') == seeds.npos) return {model};
  std::vector<named_flags> result;
  std::istringstream list(seeds);
  for (std::string each; std::getline(list, each, ',');) {
    if (each.empty() || each.size() > 20 || each.find_first_not_of("0123456789") != each.npos)
      throw error(text(seed->where, ": models.", model.name, ".seed: got ", quote_name(each),
                       ", want whole numbers"));
    named_flags one = model;
    one.name += ".seed-" + each;
    one.flags[static_cast<std::size_t>(seed - model.flags.begin())].value = each;
    result.push_back(std::move(one));
  }
  return result;
}

/// The models as they are written and as they are trained.
struct written_models {
  std::vector<named_flags> all;
  std::map<std::string, std::vector<std::string>> trainings;

  /// Throws lift::error where two trainings have one name.
  written_models(std::vector<named_flags> written, std::vector<named_flags>& trained)
      : all(std::move(written)) {
    std::set<std::string> names;
    for (const named_flags& model : all)
      for (named_flags& one : trainings_of(model)) {
        if (!names.insert(one.name).second)
          throw error(text(model.where, ": models.", model.name, ": got ", one.name,
                           " twice, want every seed once and another name for it"));
        trainings[model.name].push_back(one.name);
        trained.push_back(std::move(one));
      }
  }
};

/// Names of models, paths and samplers, each of which is compared with each of the others.
struct compared_names {
  std::vector<std::string> models, paths, samplers;

  void add_to(std::vector<table_row>& rows, const written_models& written) const {
    for (const std::string& model : models)
      for (const std::string& path : paths)
        for (const std::string& sampler : samplers)
          rows.push_back({{model, path, sampler}, written.trainings.at(model)});
  }
};

compared_names names_in(reader& in, const study_config& config, const written_models& written,
                        const compared_names& otherwise) {
  compared_names result{in.strings("models", otherwise.models),
                        in.strings("paths", otherwise.paths),
                        in.strings("samplers", otherwise.samplers)};
  require_known(result.models, written.all, in.where(), "models");
  require_known(result.paths, config.paths, in.where(), "paths");
  require_known(result.samplers, config.samplers, in.where(), "samplers");
  return result;
}

study_table table_of(reader& in, const study_config& config, const written_models& written) {
  study_table result;
  result.where = in.where();
  result.title = in.string("title");
  result.about = in.string("about", "");
  result.epochs = in.numbers<std::size_t>("epochs", {config.epochs}, 1);
  result.steps = in.numbers<std::size_t>("steps", {18}, 1);
  result.seeds = in.numbers<std::uint64_t>("seeds", {0}, 0);
  result.measures = in.strings("measures", names_of(config.measures));
  require_known(result.measures, config.measures, result.where, "measures");
  for (const std::size_t epoch : result.epochs)
    if (epoch > config.epochs)
      throw error(text(result.where, ": epochs: got ", epoch, ", want at most ", config.epochs,
                       " as of train.epochs"));
  const compared_names all =
      names_in(in, config, written,
               {names_of(written.all), names_of(config.paths), names_of(config.samplers)});
  in.each_of_array("rows", [&](reader& rows) {
    names_in(rows, config, written, all).add_to(result.rows, written);
  });
  if (result.rows.empty()) all.add_to(result.rows, written);
  in.each_of_array("published", [&](reader& row) {
    result.published.push_back({row.string("name"), row.reals("values")});
    const std::size_t columns = result.epochs.size() * result.steps.size();
    if (result.published.back().values.size() != columns)
      throw error(text(row.where(), ": ", row.full("values"), ": got ",
                       result.published.back().values.size(), " numbers, want ", columns,
                       ", one for each column"));
  });
  return result;
}

/// Throws lift::error unless flags name models and paths that there are.
void require_made_files_known(const study_config& config) {
  for (const named_flags& path : config.paths)
    if (const auto model = path.text_of("of"))
      require_known({*model}, config.models, path.where, path.name + ".of");
  const auto check = [&](const std::vector<flag>& flags) {
    for (const flag& f : flags)
      if (const auto* const made = std::get_if<made_file>(&f.value)) {
        require_known({made->model}, config.models, f.where, f.name + ".model");
        if (!made->path.empty())
          require_known({made->path}, config.paths, f.where, f.name + ".path");
        if (made->epoch > config.epochs)
          throw error(text(f.where, ": ", f.name, ".epoch: got ", made->epoch, ", want at most ",
                           config.epochs));
      }
  };
  for (const auto* flags : {&config.train, &config.heatmap, &config.error_test}) check(*flags);
  for (const auto* named : {&config.models, &config.paths, &config.samplers, &config.measures})
    for (const named_flags& n : *named) check(n.flags);
}

}  // namespace

std::string compared_row::label() const { return text(model, ", ", path, ", ", sampler); }

std::optional<std::string> find_text(const std::vector<flag>& flags, const std::string& name) {
  for (const flag& f : flags)
    if (f.name == name)
      if (const auto* const value = std::get_if<std::string>(&f.value)) return *value;
  return std::nullopt;
}

bool named_flags::has(const std::string& name_of_flag) const {
  return std::ranges::find(flags, name_of_flag, &flag::name) != flags.end();
}

std::string flag_text(const flag& f) {
  if (const auto* const value = std::get_if<std::string>(&f.value)) return *value;
  const auto* const made = std::get_if<made_file>(&f.value);
  if (!made) return "true";
  return text(made->model, made->epoch > 0 ? text(" of epoch ", made->epoch) : "",
              made->path.empty() ? "" : text(", path ", made->path, " of ", made->steps, " steps"));
}

std::optional<std::size_t> named_flags::given_steps() const {
  for (const char* levels : {"timesteps", "sigmas", "log-snrs"})
    if (const auto given = text_of(levels)) {
      std::string source;
      return given_levels::steps(*given, source).size();
    }
  return std::nullopt;
}

const named_flags& study_config::named(const std::vector<named_flags>& all,
                                       const std::string& name) {
  return *std::ranges::find(all, name, &named_flags::name);
}

study_config read_study_config(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  const std::string source = file.string();
  toml::table parsed;
  try {
    parsed = toml::parse(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), source);
  } catch (const toml::parse_error& failure) {
    throw error(text(source, ":", failure.source().begin.line, ": ", failure.description()));
  }
  reader in(parsed, source, "");
  study_config result;
  result.file = file;
  result.title = in.string("title");
  result.about = in.string("about", "");
  if (const std::string data = in.string("data", ""); !data.empty())
    result.data = file.parent_path() / path_from_text(data);
  result.size = in.find("size") ? plain_text(in, in.need("size"), "size") : "64";
  result.backend = in.string("backend", "");
  result.num_images = in.number("num-images");
  result.batch_size = in.number("batch-size", 32);
  result.reference_images = in.number("reference-images", 0);
  result.keep_images = in.boolean("keep-images", true);
  const auto flags = [&](const char* key) {
    const toml::table* const section = in.section(key);
    return section ? flags_of(*section, source, key) : std::vector<flag>();
  };
  result.train = flags("train");
  const toml::table* const train = in.section("train");
  if (!train) throw error(text(source, ": train is missing"));
  result.epochs = reader(*train, source, "train").number("epochs");
  result.heatmap = flags("heatmap");
  result.error_test = flags("error-test");
  result.has_error_test = in.find("error-test") != nullptr;
  const written_models written(named_flags_of(in, "models"), result.models);
  result.paths = named_flags_of(in, "paths");
  result.samplers = named_flags_of(in, "samplers");
  result.measures = named_flags_of(in, "measures");
  for (const auto& [all, key] :
       {std::pair(&result.models, "models"), std::pair(&result.paths, "paths"),
        std::pair(&result.samplers, "samplers"), std::pair(&result.measures, "measures")})
    if (all->empty()) throw error(text(source, ": ", key, " is missing, such as [", key, ".NAME]"));
  in.each_of_array("tables",
                   [&](reader& table) { result.tables.push_back(table_of(table, result, written)); });
  if (result.tables.empty()) throw error(text(source, ": tables is missing, such as [[tables]]"));
  in.finish();
  require_made_files_known(result);
  return result;
}

}  // namespace lift::cli
