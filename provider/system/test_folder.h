// A temporary folder for tests that need real files and programs.
#ifndef DELIVERY_SYSTEM_TEST_FOLDER_H_
#define DELIVERY_SYSTEM_TEST_FOLDER_H_

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace delivery::system {

// Made empty, removed with all it holds.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "delivery-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  std::string Write(const std::string& name, const std::string& content) const {
    const std::string path = Path(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    // Closed before it is used: a program that is open for writing cannot be started.
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  // An executable shell script.
  std::string Script(const std::string& name, const std::string& body) const {
    const std::string path = Write(name, "#!/bin/sh\n" + body + "\n");
    chmod(path.c_str(), 0755);
    return path;
  }

  bool Has(const std::string& name) const { return std::filesystem::exists(Path(name)); }

  std::string Read(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  }

 private:
  std::string path_;
};

}  // namespace delivery::system

#endif  // DELIVERY_SYSTEM_TEST_FOLDER_H_
