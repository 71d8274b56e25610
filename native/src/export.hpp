// What leaves the library: everything else is hidden (-fvisibility=hidden).
#pragma once

#define RECURRA_EXPORT extern "C" __attribute__((visibility("default")))
