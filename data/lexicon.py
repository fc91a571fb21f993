"""The words of the synthetic store: categories, countries, devices, and what names are made of."""

from __future__ import annotations

from typing import NamedTuple


class Category(NamedTuple):
    """A category of the store."""

    name: str
    is_game: bool
    share: float
    """Of all apps, before normalisation."""
    nouns: tuple[str, ...]
    """What titles in this category end with."""


class Country(NamedTuple):
    """A country where the store is open."""

    code: str
    share: float
    """Of all users, before normalisation."""
    language: str
    """Of nine users in ten; the others use English."""
    utc_offset_hours: int


CATEGORIES = (
    Category("Art & Design", False, 1.2, ("Sketch", "Canvas", "Palette", "Paint")),
    Category("Auto & Vehicles", False, 0.9, ("Garage", "Mileage", "Parking", "Motors")),
    Category("Books & Reference", False, 3.0, ("Reader", "Library", "Dictionary", "Novels")),
    Category("Business", False, 3.4, ("Invoice", "Meetings", "Ledger", "Office")),
    Category("Comics", False, 0.7, ("Manga", "Panels", "Webtoon", "Heroes")),
    Category("Communication", False, 2.2, ("Messenger", "Chat", "Calls", "Mail")),
    Category("Dating", False, 0.8, ("Match", "Hearts", "Dates", "Crush")),
    Category("Education", False, 4.5, ("Lessons", "Classroom", "Flashcards", "Tutor")),
    Category("Entertainment", False, 3.8, ("Shows", "Cinema", "Stage", "Fun")),
    Category("Finance", False, 3.0, ("Wallet", "Bank", "Budget", "Stocks")),
    Category("Food & Drink", False, 2.2, ("Recipes", "Kitchen", "Delivery", "Coffee")),
    Category("Health & Fitness", False, 3.0, ("Workout", "Yoga", "Steps", "Sleep")),
    Category("House & Home", False, 0.9, ("Garden", "Decor", "Rooms", "Rent")),
    Category("Lifestyle", False, 2.8, ("Journal", "Habits", "Style", "Diary")),
    Category("Maps & Navigation", False, 1.6, ("Maps", "Compass", "Routes", "Transit")),
    Category("Medical", False, 1.2, ("Clinic", "Pills", "Symptoms", "Pulse")),
    Category("Music & Audio", False, 3.2, ("Radio", "Player", "Piano", "Beats")),
    Category("News & Magazines", False, 1.8, ("News", "Headlines", "Daily", "Weekly")),
    Category("Parenting", False, 0.6, ("Baby", "Nursery", "Family", "Bedtime")),
    Category("Personalization", False, 2.4, ("Wallpapers", "Themes", "Launcher", "Ringtones")),
    Category("Photography", False, 2.3, ("Camera", "Editor", "Collage", "Filters")),
    Category("Productivity", False, 3.6, ("Notes", "Tasks", "Calendar", "Scanner")),
    Category("Shopping", False, 2.4, ("Deals", "Market", "Outlet", "Coupons")),
    Category("Social", False, 1.9, ("Friends", "Circle", "Stories", "Community")),
    Category("Sports", False, 1.8, ("Football", "Scores", "League", "Cycling")),
    Category("Tools", False, 4.6, ("Flashlight", "Cleaner", "Keyboard", "Files")),
    Category("Travel & Local", False, 2.2, ("Hotels", "Flights", "Guide", "Trips")),
    Category("Weather", False, 0.8, ("Forecast", "Radar", "Storm", "Sky")),
    Category("Action", True, 2.6, ("Strike", "Fighters", "Ninja", "Arena")),
    Category("Arcade", True, 3.2, ("Runner", "Bounce", "Blaster", "Dash")),
    Category("Card", True, 1.6, ("Solitaire", "Poker", "Rummy", "Hearts")),
    Category("Puzzle", True, 4.2, ("Blocks", "Puzzle", "Tiles", "Maze")),
    Category("Racing", True, 1.5, ("Racing", "Drift", "Rally", "Karts")),
    Category("Role Playing", True, 1.8, ("Quest", "Legends", "Dungeon", "Kingdom")),
    Category("Simulation", True, 2.6, ("Farm", "City", "Tycoon", "Simulator")),
    Category("Strategy", True, 1.6, ("Empire", "Tactics", "Defense", "Wars")),
)

COUNTRIES = (
    Country("US", 18.0, "en", -6),
    Country("IN", 14.0, "hi", 5),
    Country("BR", 8.0, "pt", -3),
    Country("ID", 6.5, "id", 7),
    Country("MX", 5.0, "es", -6),
    Country("DE", 4.5, "de", 1),
    Country("JP", 4.5, "ja", 9),
    Country("GB", 4.0, "en", 0),
    Country("FR", 3.6, "fr", 1),
    Country("TR", 3.0, "tr", 3),
    Country("KR", 2.8, "ko", 9),
    Country("IT", 2.6, "it", 1),
    Country("ES", 2.4, "es", 1),
    Country("VN", 2.2, "vi", 7),
    Country("PH", 2.0, "en", 8),
    Country("TH", 1.8, "th", 7),
    Country("PK", 1.7, "ur", 5),
    Country("EG", 1.5, "ar", 2),
    Country("CA", 1.4, "en", -5),
    Country("PL", 1.3, "pl", 1),
    Country("AR", 1.2, "es", -3),
    Country("CO", 1.1, "es", -5),
    Country("AU", 1.0, "en", 10),
    Country("NL", 0.8, "nl", 1),
    Country("SA", 0.8, "ar", 3),
    Country("ZA", 0.7, "en", 2),
    Country("SE", 0.5, "sv", 1),
    Country("CZ", 0.4, "cs", 1),
    Country("PT", 0.4, "pt", 0),
    Country("NZ", 0.2, "en", 12),
)

DEVICES = ("phone", "tablet", "chromebook", "tv")
DEVICE_SHARES = (0.80, 0.13, 0.04, 0.03)

AGE_BANDS = ("13-17", "18-24", "25-34", "35-44", "45-54", "55+")
AGE_SHARES = (0.09, 0.21, 0.27, 0.20, 0.13, 0.10)

CONTENT_RATINGS = ("Everyone", "Everyone 10+", "Teen", "Mature 17+")
CONTENT_SHARES = (0.72, 0.08, 0.13, 0.07)

PRICES = (0.0, 0.99, 1.99, 2.99, 4.99, 9.99)
PRICE_SHARES = (0.93, 0.02, 0.018, 0.016, 0.01, 0.006)

_ADJECTIVES = """
Amber Bold Bright Calm Clever Cosmic Crimson Crystal Daily Deep Easy Electric Fast Fresh Gentle
Golden Grand Happy Hidden Honest Jolly Kind Lively Lucky Lunar Magic Merry Mighty Mini Modern Neon
Nimble Noble Open Polar Prime Pure Quick Quiet Rapid Royal Silent Silver Simple Smart Solar Sunny
Super Swift Tiny True Urban Velvet Vivid Wild Wise
"""
ADJECTIVES = tuple(_ADJECTIVES.split())

_CREATURES = """
Badger Bear Beaver Bison Camel Cat Cobra Crane Deer Dolphin Eagle Falcon Finch Fox Frog Gecko Hare
Hawk Heron Horse Ibis Jaguar Koala Lark Lemur Lion Lynx Marten Mole Moose Newt Ocelot Orca Otter
Owl Panda Parrot Pelican Penguin Puma Quail Raven Robin Salmon Seal Sparrow Stork Swan Tapir Tiger
Turtle Viper Walrus Whale Wolf Wombat Yak Zebra
"""
CREATURES = tuple(_CREATURES.split())

COMPANIES = ("Studio", "Labs", "Games", "Apps", "Works", "Soft", "Media", "Team")
