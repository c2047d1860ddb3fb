// SPDX-License-Identifier: MIT
#pragma once

#include <string>

/// EXIF data of two entries, the second of which is the orientation.
inline std::string exif_data(unsigned orientation) {
  std::string data(
      "II*\0\x08\0\0\0\x02\0"               // least byte first; two entries from byte 8 on
      "\0\x01\x04\0\x01\0\0\0\x80\x02\0\0"  // the width: one long number, 640
      "\x12\x01\x03\0\x01\0\0\0\0\0\0\0",   // the orientation: one short number
      34);
  data[30] = static_cast<char>(orientation);
  data[31] = static_cast<char>(orientation >> 8);
  return data;
}
